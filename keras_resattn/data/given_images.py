"""Images that a caller has: paths, PIL images, or arrays of pixels."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from keras_resattn.data.decoding import with_channels
from keras_resattn.data.image_files import read_images
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn_client.images import ROUNDING
from keras_resattn_client.images import pixels_of_pillow

# A path, a `PIL.Image.Image`, an array of one image or of a batch, or a list of these.
Images: TypeAlias = StrPath | Array | Sequence[StrPath | Array] | Any


def pixels_of(images: Images, preprocessing: Preprocessing) -> Array:
    """Return images at a network's size.

    Args:
        images: A path, a PIL image or an array of pixel values, 0 to 255: `(h, w)`,
            `(h, w, channels)` or `(N, h, w, channels)`. Or a list of images, each
            of these kinds.
        preprocessing: The network's `Preprocessing`.

    Returns:
        A float32 array `(N, H, W, C)` of pixel values, 0 to 255.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not a readable image, or an array does not hold
            pixel values.
    """
    images = as_list(images)
    if isinstance(images, list) and images and all(map(_is_path, images)):
        return read_images(images, preprocessing)
    arrays = [_pixels_of_one(one, preprocessing) for one in images]
    if not arrays:
        raise ValueError("There are no images; give at least one. Received: no image")
    return np.stack(arrays)


def as_list(images: Any) -> Any:
    """Return images as something with one entry per image: see `pixels_of`."""
    if _is_path(images) or _is_picture(images):
        return [images]
    if isinstance(images, Sequence) and not isinstance(images, bytes):
        return list(images)
    return [images] if np.ndim(images) in (0, 2, 3) else images


def _is_path(image: object) -> bool:
    return isinstance(image, str | os.PathLike)


def _is_picture(image: object) -> bool:
    """Return whether an object is a PIL image, without an import of PIL."""
    return hasattr(image, "getbands") and hasattr(image, "convert")


def _pixels_of_one(image: Any, preprocessing: Preprocessing) -> Array:
    if _is_path(image):
        return read_images([Path(image)], preprocessing)[0]
    if _is_picture(image):
        pixels = pixels_of_pillow(image)
    else:
        pixels = np.asarray(image)
        if pixels.dtype.kind in "bOSU":  # not numbers
            raise ValueError(
                "Give each image as a path, a PIL image or an array of pixel values, "
                f"0 to 255. Received: {_described(image, pixels)}"
            )
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    _check(pixels)
    channels = preprocessing.input_shape[-1]
    if pixels.shape[-1] != channels:
        if {pixels.shape[-1], channels} != {1, 3}:
            raise ValueError(
                f"The network takes images with {channels} channels. Received: an "
                f"image of shape {pixels.shape}"
            )
        pixels = _converted(pixels, channels)
    resized = preprocessing.resize(tf.convert_to_tensor(pixels))
    return np.asarray(tf.cast(resized, tf.float32))


def _described(image: Any, pixels: Array) -> str:
    if pixels.ndim:
        return f"an array of type {pixels.dtype}"
    return type(image).__name__


def _converted(pixels: Array, channels: int) -> Array:
    """Return grey pixels as RGB, or RGB pixels as grey."""
    if pixels.shape[-1] == 1:
        return np.repeat(pixels, channels, axis=-1)
    whole = np.clip(np.round(pixels), 0, 255).astype("uint8")
    return np.asarray(with_channels(tf.convert_to_tensor(whole), channels))


def _check(pixels: Array) -> None:
    """Raise an error if an array does not hold the pixel values of one image."""
    if pixels.ndim != 3 or not pixels.size:
        raise ValueError(
            "Give each image as (height, width, channels), or a batch of them as "
            f"(N, height, width, channels). Received: an array of shape {pixels.shape}"
        )
    low, high = float(pixels.min()), float(pixels.max())
    fraction = pixels.dtype.kind == "f" and 0 < high <= 1 + ROUNDING
    if not (-ROUNDING <= low and high <= 255 + ROUNDING) or fraction:
        scaled = fraction and low >= -ROUNDING
        remedy = "Multiply by 255" if scaled else "Give the pixels"
        raise ValueError(
            "Pixel values must be from 0 to 255; they are standardized later. "
            f"{remedy}. Received: an array with values from {low:g} to {high:g}"
        )
