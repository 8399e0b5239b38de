"""Convolution and batch normalization with the authors' constants."""

from typing import Any

import keras

from keras_resattn.layers.geometry import channel_axis


def batch_normalization(
    data_format: str, **kwargs: Any
) -> keras.layers.BatchNormalization:
    """Return batch normalization with the authors' constants."""
    return keras.layers.BatchNormalization(
        axis=channel_axis(data_format), momentum=0.9, epsilon=1e-5, **kwargs
    )


def convolution(
    filters: int,
    kernel_size: int | tuple[int, int],
    strides: int = 1,
    padding: str = "valid",
    **kwargs: Any,
) -> keras.layers.Conv2D:
    """Return a convolution without bias, initialized as in the paper (He normal)."""
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        **kwargs,
    )
