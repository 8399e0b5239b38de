"""Measure the training images per second of the input pipeline, without a network.

The images are noise: images of CIFAR's size in memory, and JPEG files of ImageNet's
usual size, 500 x 375, which are resized to 224 x 224.

    python -m benchmarks.data_pipeline
"""

import pathlib
import tempfile
import time

import numpy as np
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data import load
from keras_resattn.data import training_batches
from keras_resattn.data.sources import Split
from keras_resattn.recipes.settings import Augmentation

SECONDS = 10
AUGMENTATIONS = {
    "flip only": Augmentation(crop="none"),
    "pad crop, flip": Augmentation(),
    "pad crop, flip, MixUp, CutMix": Augmentation(mixup=0.2, cutmix=1.0),
    "resized crop, flip": Augmentation(crop="resized"),
    "resized crop, flip, colours": Augmentation(crop="resized", color_jitter=0.4),
    "resized crop, flip, RandAugment": Augmentation(crop="resized", rand_augment={}),
}


def images_per_second(split, preprocessing, augmentation, batch_size):
    """Return the rate in images/s after the first 20 batches."""
    batches = iter(
        training_batches(
            split, preprocessing, batch_size, 2, augmentation, epochs=10**6
        )
    )
    for _ in range(20):
        next(batches)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        next(batches)
        count += batch_size
    return count / (time.perf_counter() - start)


def small_images(count=10_000):
    images = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), "uint8")
    pairs = (images, np.zeros(count, "int64"))
    return Split(tf.data.Dataset.from_tensor_slices(pairs), count)


def write_photos(root, count=200):
    """Write smooth noise as JPEG files, which are as large as those of photographs."""
    rng = np.random.default_rng(0)
    for i in range(count):
        coarse = tf.constant(rng.uniform(0, 255, (47, 63, 3)))
        image = tf.image.resize(coarse, (375, 500)) + rng.normal(0, 12, (375, 500, 3))
        path = root / f"class{i % 2}" / f"{i}.jpg"
        path.parent.mkdir(exist_ok=True)
        jpeg = tf.io.encode_jpeg(tf.cast(tf.clip_by_value(image, 0, 255), tf.uint8))
        path.write_bytes(jpeg.numpy())


def main():
    for name in list(AUGMENTATIONS)[:3]:
        rate = images_per_second(
            small_images(), Preprocessing((32, 32, 3)), AUGMENTATIONS[name], 128
        )
        print(f"32 x 32 in memory, {name}: {rate:,.0f} images/s")
    with tempfile.TemporaryDirectory() as folder:
        write_photos(pathlib.Path(folder))
        preprocessing = Preprocessing((224, 224, 3))
        photos = load(folder, preprocessing).train
        for name in list(AUGMENTATIONS)[3:]:
            rate = images_per_second(photos, preprocessing, AUGMENTATIONS[name], 32)
            print(f"JPEG of 500 x 375 to 224 x 224, {name}: {rate:,.0f} images/s")


if __name__ == "__main__":
    main()
