"""Resize maps to the size of images: one rule for masks and class evidence."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_resattn.typing import Array


def resized(maps: Array, size: Sequence[int]) -> Array:
    """Return maps `(N, h, w)` at the size of an image, `(N, H, W)`, float32.

    Bilinear, by the centres of the pixels: a cell of the map is drawn where the pixels
    are that it covers.
    """
    maps = np.asarray(maps, "float32")[..., None]
    large = keras.ops.image.resize(maps, tuple(size), data_format="channels_last")
    return keras.ops.convert_to_numpy(large)[..., 0]
