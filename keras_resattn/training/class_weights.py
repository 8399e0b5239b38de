"""Weights of the classes in the loss."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Literal

import numpy as np
import tensorflow as tf

from keras_resattn.data.labelled_images import Split
from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.typing import Array
from keras_resattn.typing import Tensor


def class_weights(
    setting: Literal["balanced"] | Mapping[str, float],
    split: Split,
    labels: Sequence[str],
) -> Array:
    """Return the weight of each class.

    Args:
        setting: `"balanced"` for weights in inverse proportion to the number of
            training images, with a mean of 1 per image; or weights by class name,
            1 for classes that are not named.
        split: The training images.
        labels: The names of the classes.

    Returns:
        A float32 array `(classes,)`.

    Raises:
        ValueError: If a name is not that of a class, or all weights are 0.
    """
    if setting == "balanced":
        counts = count_labels(split, len(labels))
        used = np.count_nonzero(counts)
        return (split.count / (used * np.maximum(counts, 1))).astype("float32")
    unknown = sorted(set(setting) - set(labels))
    if unknown:
        raise ValueError(
            "`train.class_weights` must have names of classes: "
            f"{', '.join(labels[:20])}. Received: {', '.join(unknown)}"
        )
    weights = np.array([setting.get(label, 1.0) for label in labels], "float32")
    if not weights.any():
        raise ValueError(
            "At least one class must have a weight above 0 in `train.class_weights`. "
            f"Received: {dict(setting)}"
        )
    return weights


def count_labels(split: Split, classes: int) -> Array:
    """Return the number of images of each class, int64 `(classes,)`."""
    # Encoded images need not be decoded to be counted.
    pairs = split.encoded(seeds_of(0)) if split.encoded else split.images
    labels = pairs.map(lambda _, label: label).batch(4096)
    return sum(
        (np.bincount(batch, minlength=classes) for batch in labels.as_numpy_iterator()),
        start=np.zeros(classes, "int64"),
    )


def weighted(batches: tf.data.Dataset, weights: Array) -> tf.data.Dataset:
    """Add the weight of each image to batches of images and labels.

    Args:
        batches: A `tf.data.Dataset` of images and float32 labels `(N, classes)`,
            whose rows sum to 1.
        weights: A float32 array `(classes,)`.

    Returns:
        A `tf.data.Dataset` of images, labels and float32 weights `(N,)`.
    """

    def add(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return images, labels, tf.linalg.matvec(labels, weights)

    return batches.map(add, tf.data.AUTOTUNE)
