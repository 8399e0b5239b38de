"""Measure how often bfloat16 changes the predicted class, on a run's test images.

    python -m benchmarks.precision runs/cifar10

Every test image goes through the exported signature `predict_images`: not optimized,
optimized, and optimized in bfloat16.
"""

import argparse

import numpy as np
import tensorflow as tf

from keras_resattn.data import evaluation_batches
from keras_resattn.data import load
from keras_resattn.export import contract
from keras_resattn.export.endpoints import Endpoints
from keras_resattn.export.precision import prepare
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import ModelFolder

EXPORTS = {
    "float32": {},
    "float32, optimized": {"optimize": True},
    "bfloat16, optimized": {"optimize": True, "precision": "bfloat16"},
}
BATCH = 250


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a model folder")
    parser.add_argument(
        "--data-dir", help="folder of tensorflow-datasets (default: the recipe's)"
    )
    options = parser.parse_args()
    folder = ModelFolder.open(options.model)
    images, labels = test_images(folder, options.data_dir)
    print(f"{len(labels)} test images")
    print("| | accuracy | same class as in line 1 | largest difference |")
    print("|---|---|---|---|")
    first = None
    for name, settings in EXPORTS.items():
        probabilities = predict(folder, images, **settings)
        first = probabilities if first is None else first
        print("| " + " | ".join([name, *compared(probabilities, first, labels)]) + " |")


def test_images(folder, data_dir):
    """Return the pixel values and labels of a run's test images."""
    data = folder.recipe.data
    if data_dir:
        data = data.model_copy(update={"data_dir": data_dir})
    split = load(data, folder.preprocessing, folder.recipe.seed).test
    batches = evaluation_batches(
        split, folder.preprocessing, BATCH, standardized=False
    ).as_numpy_iterator()
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images).astype("float32"), np.concatenate(labels)


def predict(folder, images, precision="float32", optimize=False):
    """Return the probabilities that an exported signature computes for images."""
    model = prepare(folder.model, precision, optimize=optimize)
    labels = folder.path / LABELS
    endpoints = Endpoints(model, folder.preprocessing, labels)
    signature = tf.function(endpoints.predict_images, autograph=False)
    parts = [
        signature(tf.constant(images[i : i + BATCH]))[contract.PROBABILITIES].numpy()
        for i in range(0, len(images), BATCH)
    ]
    return np.concatenate(parts)


def compared(probabilities, first, labels):
    """Return accuracy, agreement and difference as text."""
    classes = probabilities.argmax(-1)
    return (
        f"{(classes == labels).mean():.2%}",
        f"{(classes == first.argmax(-1)).mean():.2%}",
        f"{np.abs(probabilities - first).max():.1e}",
    )


if __name__ == "__main__":
    main()
