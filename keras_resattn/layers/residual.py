"""The base class of the residual units: arguments, shortcut, sum."""

from typing import Any

import keras
from keras import ops

from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.arguments import rate
from keras_resattn.layers.convolution import batch_normalization
from keras_resattn.layers.convolution import convolution
from keras_resattn.layers.geometry import batch_shape
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import spatial_axes
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.layers.geometry import strided_shape
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor


class ResidualUnit(keras.layers.Layer):
    """A basic unit: a branch of convolutions plus a shortcut.

    A subclass creates its layers in `build` with `normalization` and
    `convolution`, and ends its `call` with `add`. Decorate the `call` with
    `rematerialized`, which implements the argument `remat`.

    Attributes:
        pre_activation: Whether the unit begins with an activation. If not, it
            ends with one.
        filters_multiple: `filters` must be a multiple of this.
    """

    pre_activation = True
    filters_multiple = 1

    def __init__(
        self,
        filters: int,
        strides: int = 1,
        drop_rate: float = 0.0,
        data_format: str | None = None,
        remat: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = positive_integer("filters", filters)
        self.strides = positive_integer("strides", strides)
        self.drop_rate = rate("drop_rate", drop_rate)
        self.data_format = standardize_data_format(data_format)
        self.remat = bool(remat)

    def check_filters(self, **received: int) -> None:
        """Raise a `ValueError` if `filters` is not a multiple of `filters_multiple`."""
        if self.filters % self.filters_multiple:
            values = ", ".join(f"{name}={value}" for name, value in received.items())
            raise ValueError(
                f"`filters` must be a multiple of {self.filters_multiple} for "
                f"{type(self).__name__}. Received: {values}"
            )

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[channel_axis(self.data_format)]
        if channels is None:
            raise ValueError(
                "The channels of the input must be known. "
                f"Received: input_shape={input_shape}"
            )
        self.projection = None
        if channels != self.filters or self.strides > 1:
            self.projection = self.convolution(channels, self.filters, 1, self.strides)
        self.drop = None
        if self.drop_rate:
            # One draw per sample, not per value: stochastic depth.
            self.drop = keras.layers.Dropout(
                self.drop_rate,
                noise_shape=(None, 1, 1, 1),
                dtype=self.dtype_policy,
                trainable=self.trainable,
            )

    def normalization(self, channels: int | None) -> keras.layers.BatchNormalization:
        """Return batch normalization of `channels`, built."""
        layer = batch_normalization(
            self.data_format, dtype=self.dtype_policy, trainable=self.trainable
        )
        layer.build(batch_shape(None, (None, None), channels, self.data_format))
        return layer

    def convolution(
        self,
        channels: int | None,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        **kwargs: Any,
    ) -> keras.layers.Conv2D:
        """Return a convolution of `channels`, built. Call it through `convolve`."""
        layer = convolution(
            filters,
            kernel_size,
            strides,
            padding="same" if strides == 1 else "valid",
            data_format=self.data_format,
            dtype=self.dtype_policy,
            trainable=self.trainable,
            **kwargs,
        )
        layer.build(batch_shape(None, (None, None), channels, self.data_format))
        return layer

    def convolve(self, layer: keras.layers.Conv2D, x: Tensor) -> Tensor:
        """Apply a convolution with half its kernel's size as padding."""
        # "same" would shift the windows of a strided convolution at even sizes.
        # As in the authors' networks, pad by one on each side.
        if layer.strides[0] > 1 and layer.kernel_size[0] > 1:
            paddings = [(0, 0)] * 4
            for axis in spatial_axes(self.data_format):
                paddings[axis] = (layer.kernel_size[0] // 2,) * 2
            x = ops.pad(x, paddings)
        return layer(x)

    def add(self, branch: Tensor, shortcut: Tensor, training: bool | None) -> Tensor:
        """Return the sum. In training, leave out the branch at `drop_rate`."""
        if self.drop is not None:
            branch = self.drop(branch, training=training)
        return branch + shortcut

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return strided_shape(input_shape, self.filters, self.strides, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
            "drop_rate": self.drop_rate,
            "data_format": self.data_format,
            "remat": self.remat,
        }
