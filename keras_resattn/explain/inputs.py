"""Checks of the images that explanations are asked for."""

import os
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_resattn.typing import Array
from keras_resattn.views.graph import flatten_layers
from keras_resattn.views.inputs import HIGHEST_STANDARDIZED
from keras_resattn_client.images import ROUNDING

STANDARDIZING = (keras.layers.Rescaling, keras.layers.Normalization)
REMEDY = (
    "Standardize them as in training: model.preprocessing.standardize(pixels) of "
    "keras_resattn.load_model, or keras_resattn.cifar.preprocess_input(pixels). If the "
    "model was trained on pixel values: model.takes_pixels = True."
)
SINGLE = "Add the first axis to a single image: image[None]."
GREY = "Add the last axis to a batch of grey images: images[..., None]."
DIRECTLY = "keras_resattn.attention_masks(model)"
RGBA = "Remove the fourth channel (transparency): images[..., :3]."


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
    _check_kind(
        inputs,
        "Explanations take arrays, not images or paths. Read and standardize them: "
        "model = keras_resattn.load_model(...), "
        "model.preprocessing.standardize(model.images(images)).",
    )
    try:
        array = np.asarray(inputs, "float32")
    except (TypeError, ValueError) as error:
        raise ValueError(
            "Pass images as one array (N, H, W, C): images of different sizes must be "
            "resized first, and a model with several inputs is called directly: "
            f"{DIRECTLY}. "
            f"Received: {type(inputs).__name__} that is not one array of numbers"
        ) from error
    if array.ndim != 4 or not len(array):
        raise ValueError(
            "Pass images as an array (N, H, W, C) of at least one image. "
            f"{_remedy(array.shape)} Received: an array of shape {array.shape}"
        )
    check_finite(array)
    return array


def check_finite(images: Array) -> None:
    """Raise a `ValueError` if a value of images is NaN or infinite."""
    finite = np.isfinite(images)
    if not finite.all():
        raise ValueError(
            "Images must be finite. Received: "
            f"{finite.size - np.count_nonzero(finite):,} of {finite.size:,} values are "
            "NaN or infinite"
        )


def _remedy(shape: tuple[int, ...]) -> str:
    """Return how to make a batch of images of an array of another shape."""
    if len(shape) == 3 and shape[-1] not in (1, 3, 4):
        return GREY
    if len(shape) == 5:
        return f"Call a model with several inputs directly: {DIRECTLY}."
    return f"{SINGLE} Batch a dataset of single images: dataset.batch(32)."


def as_classes(classes: Any, images: int, count: int | None = None) -> Array:
    """Return one class for each image as an integer array `(images,)`.

    Args:
        classes: An integer for all images, or one integer per image.
        images: Integer, the number of images.
        count: Integer, the number of classes. Defaults to any.

    Raises:
        ValueError: If it is something else.
    """
    given = np.asarray(classes)
    is_whole = given.dtype.kind in "iu" and given.shape in ((), (images,))
    if not is_whole or (count is not None and ((given < 0) | (given >= count)).any()):
        known = "" if count is None else f" from 0 to {count - 1}"
        raise ValueError(
            f"`classes` must be an integer{known}, or {images} integers, one per "
            f"image. Received: classes={classes!r}"
        )
    return np.broadcast_to(given, images)


def as_maps(maps: Any) -> Array:
    """Return maps as a float array `(N, H, W)`.

    Raises:
        ValueError: If they are something else, or not finite.
    """
    array = np.asarray(maps)
    array = array.astype(np.promote_types(array.dtype, "float32"))
    if array.ndim != 3 or not array.size:
        raise ValueError(
            "Pass maps as an array (N, H, W) of at least one map. Add the first axis "
            "to a single map: map[None]. Average masks over their channels: "
            f"mask.mean(axis=-1). Received: an array of shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError("Maps must be finite. Received: maps with NaN or infinity")
    return array


def as_inputs(inputs: Any, model: keras.Model) -> Array:
    """Return a batch of images as a float32 array `(N, H, W, C)` that a model takes.

    Args:
        inputs: See `as_array`.
        model: The `keras.Model`.

    Raises:
        ValueError: If it is something else, of another size, or not standardized.
    """
    array = as_array(inputs)
    check_fits(array, model)
    return array


def as_pictures(images: Any, pixel_values: bool = True) -> list[Array]:
    """Return images to draw as float32 arrays `(H, W, 1 or 3)`.

    Args:
        images: An array `(N, H, W, C)`, a list of images of any sizes, or a
            `tf.data.Dataset` of batches.
        pixel_values: Boolean, whether the values must be from 0 to 255.

    Raises:
        ValueError: If it is something else.
    """
    _check_kind(
        images,
        "Figures take arrays of pixel values, not images or paths. Read them: "
        "images = keras_resattn.load_model(...).images(images).",
    )
    if is_dataset(images):
        images = as_array(images)
    elif not isinstance(images, list | tuple):
        as_array(images)  # or an error
        images = np.asarray(images)
    pictures = [np.asarray(image, "float32") for image in images]
    if not pictures or any(picture.size == 0 for picture in pictures):
        raise ValueError(
            "Figures need at least one image, of at least one pixel. Received: images "
            f"of shapes {[picture.shape for picture in pictures]}"
        )
    for given, picture in zip(images, pictures, strict=True):
        _check_channels(picture)
        check_finite(picture)
        if pixel_values:
            _check_pixel_values(picture, np.asarray(given).dtype.kind == "f")
    return [np.clip(one, 0, 255) for one in pictures] if pixel_values else pictures


def _check_channels(image: Array) -> None:
    channels = image.shape[-1] if image.ndim == 3 else None
    if channels not in (1, 3):
        remedy = f"{RGBA} " if channels == 4 else ""
        raise ValueError(
            f"Images to draw must be arrays (H, W, C) with 1 or 3 channels. {remedy}"
            f"Received: an image of shape {image.shape}"
        )


def _check_pixel_values(image: Array, is_float: bool) -> None:
    low, high = float(image.min()), float(image.max())
    # Integers of 0 and 1 are a black image.
    scaled = is_float and 0 < high <= 1 + ROUNDING
    if low < -ROUNDING or high > 255 + ROUNDING or scaled:
        raise ValueError(
            "Images to draw must have pixel values from 0 to 255. Pass the images "
            "before they are standardized; multiply values from 0 to 1 by 255. "
            f"Received: an image with values from {low:g} to {high:g}"
        )


def _check_kind(images: Any, message: str) -> None:
    """Raise a `ValueError` with this message if images are PIL images or paths."""
    first = images[0] if isinstance(images, list | tuple) and images else images
    if hasattr(first, "getbands") or isinstance(first, str | os.PathLike):
        raise ValueError(f"{message} Received: {type(first).__name__}")


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
            f"The model takes images of shape {expected}. "
            f"{_fitting(batch.shape, expected)} "
            f"Received: an array of shape {batch.shape}"
        )
    if getattr(model, "takes_pixels", False):
        return
    high = float(batch.max())
    if high <= HIGHEST_STANDARDIZED or batch.min() < 0:
        return
    if not any(isinstance(layer, STANDARDIZING) for layer in flatten_layers(model)):
        raise ValueError(
            f"These are pixel values, not standardized. {REMEDY} Received: an array "
            f"with values from {float(batch.min()):g} to {high:g}"
        )


def _fitting(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> str:
    """Return how to make images of a shape fit a model."""
    if (shape[-1], expected[-1]) == (4, 3):
        return RGBA
    if (shape[-1], expected[-1]) == (1, 3):
        return "Repeat the grey channel: np.repeat(images, 3, axis=-1)."
    if len(shape) == 4 and shape[0] == 1 and shape[-1] not in (1, 3):
        return GREY
    return "Resize them, for example by keras_resattn.load_model(...).images(...)."
