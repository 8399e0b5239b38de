"""Max pooling as in the authors' networks: unpadded, in ceil mode."""

from typing import Any

import keras
from keras import ops

from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import spatial_axes
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.layers.geometry import strided_shape
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_resattn")
class CeilMaxPooling2D(keras.layers.Layer):
    """Max pooling 3 x 3 with stride 2, unpadded, in ceil mode.

    A last window that does not fit is clipped at the border. A map of height `h`
    gives `h // 2` rows. Zero padding would give wrong maxima, because the sums of
    residual units can be negative.

    Example:

    >>> x = np.random.rand(2, 7, 8, 16)
    >>> keras_resattn.layers.CeilMaxPooling2D()(x).shape
    (2, 3, 4, 16)

    Args:
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Raises:
        ValueError: In a call, if a map has fewer than 2 rows or columns.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        sizes = [inputs.shape[axis] for axis in spatial_axes(self.data_format)]
        if any(size is not None and size < 2 for size in sizes):
            raise ValueError(
                "A map is pooled if it has 2 or more rows and columns; pass larger "
                f"images to the network. Received: a map of {sizes[0]} x {sizes[1]} in "
                f"the layer {self.name!r}"
            )
        # Only even sizes have a partial last window. "same" clips it without a
        # copy, but shifts the windows of odd sizes.
        if all(size is not None and size % 2 == 0 for size in sizes):
            return self._pool(inputs, "same")
        # At an odd size, no window reaches an additional row.
        extra = [0 if size is not None and size % 2 else 1 for size in sizes]
        if any(extra):
            paddings = [(0, 0)] * 4
            for axis, count in zip(spatial_axes(self.data_format), extra, strict=True):
                paddings[axis] = (0, count)
            inputs = ops.pad(inputs, paddings, constant_values=-float("inf"))
        return self._pool(inputs, "valid")

    def _pool(self, inputs: Tensor, padding: str) -> Tensor:
        return ops.max_pool(
            inputs, 3, strides=2, padding=padding, data_format=self.data_format
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels = input_shape[channel_axis(self.data_format)]
        halved = strided_shape(input_shape, channels, 1, self.data_format)
        return tuple(
            n if axis not in spatial_axes(self.data_format) or n is None else n // 2
            for axis, n in enumerate(halved)
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}
