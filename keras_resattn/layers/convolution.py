"""Convolution and batch normalization with the authors' constants."""

import keras

from keras_resattn.layers.geometry import channel_axis


def batch_normalization(data_format, **kwargs):
    """Return batch normalization with the authors' constants."""
    return keras.layers.BatchNormalization(
        axis=channel_axis(data_format), momentum=0.9, epsilon=1e-5, **kwargs
    )


def convolution(filters, kernel_size, strides=1, padding="valid", **kwargs):
    """Return a convolution without bias, drawn as the paper's (He, normal)."""
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        **kwargs,
    )
