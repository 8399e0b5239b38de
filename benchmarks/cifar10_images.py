"""The test images of CIFAR-10, from tensorflow-datasets."""

import numpy as np
import tensorflow_datasets as tfds


def test_images(data_dir, count):
    """Return the first test images, uint8 `(count, 32, 32, 3)`, and their classes."""
    data = tfds.load("cifar10", split="test", data_dir=data_dir, download=False)
    examples = list(tfds.as_numpy(data.take(count)))
    images = np.stack([example["image"] for example in examples])
    return images, np.array([example["label"] for example in examples])
