"""Checks of the images that explanations are asked for."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_resattn.typing import Array
from keras_resattn.views.graph import flatten_layers

STANDARDIZING = (keras.layers.Rescaling, keras.layers.Normalization)
# Standardized pixels are a few standard deviations from 0.
HIGHEST_STANDARDIZED = 20
REMEDY = (
    "Standardize them as in training: model.preprocessing.standardize(pixels) of "
    "keras_resattn.load_model, or keras_resattn.cifar.preprocess_input(pixels)."
)


def is_dataset(inputs: Any) -> bool:
    """Return whether images are a `tf.data.Dataset`. TensorFlow is not imported."""
    return hasattr(inputs, "element_spec") and hasattr(inputs, "as_numpy_iterator")


def batches_of_dataset(dataset: Any) -> Iterator[Array]:
    """Yield the images in the batches of a dataset of images, or of images and labels.

    Args:
        dataset: A `tf.data.Dataset` of batches.

    Raises:
        ValueError: If its elements are not batches of images.
    """
    empty = True
    for element in dataset.as_numpy_iterator():
        empty = False
        yield as_array(element[0] if isinstance(element, tuple) else element)
    if empty:
        raise ValueError(
            "There are no images; give at least one. Received: an empty dataset"
        )


def as_array(inputs: Any) -> Array:
    """Return a batch of images as a float32 array `(N, H, W, C)`.

    Args:
        inputs: An array or a tensor of at least one image, or a `tf.data.Dataset`
            of batches, which are joined.

    Raises:
        ValueError: If it is something else.
    """
    if is_dataset(inputs):
        return np.concatenate(list(batches_of_dataset(inputs)))
    first = inputs[0] if isinstance(inputs, list | tuple) and inputs else inputs
    if hasattr(first, "getbands") or isinstance(first, str):
        raise ValueError(
            "Explanations take arrays, not images or paths. Read and standardize them: "
            "model = keras_resattn.load_model(...), "
            "model.preprocessing.standardize(model.images(images)). "
            f"Received: {type(first).__name__}"
        )
    array = np.asarray(inputs, "float32")
    if array.ndim != 4 or not len(array):
        raise ValueError(
            "Pass images as an array (N, H, W, C) of at least one image. Add the first "
            "axis to a single image: image[None]. Batch a dataset of single images: "
            f"dataset.batch(32). Received: an array of shape {array.shape}"
        )
    return array


def check_fits(batch: Array, model: keras.Model) -> None:
    """Raise a `ValueError` if a batch has another size, or raw pixels.

    Args:
        batch: A float32 array `(N, H, W, C)`.
        model: The `keras.Model` that takes it.
    """
    if len(model.inputs) != 1:
        return  # Keras checks several inputs
    expected = tuple(model.input_shape[1:])
    pairs = zip(batch.shape[1:], expected, strict=True)
    if any(size not in (given, None) for given, size in pairs):
        raise ValueError(
            f"The model takes images of shape {expected}. Resize them, for example by "
            "keras_resattn.load_model(...).images(images). "
            f"Received: an array of shape {batch.shape}"
        )
    high = float(batch.max())
    if high <= HIGHEST_STANDARDIZED or batch.min() < 0:
        return
    if not any(isinstance(layer, STANDARDIZING) for layer in flatten_layers(model)):
        raise ValueError(
            f"These are pixel values, not standardized. {REMEDY} Received: an array "
            f"with values from {float(batch.min()):g} to {high:g}"
        )
