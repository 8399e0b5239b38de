"""The layers in which pytorchcv's network deviates from the authors'."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_resattn.layers import SoftMaskBranch
from keras_resattn.layers.geometry import batch_shape
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import spatial_axes
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.layers.geometry import strided_shape
from keras_resattn.layers.mask import activate
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_resattn")
class PaddedMaxPooling2D(keras.layers.Layer):
    """Max pooling 3 x 3 with stride 2, padded by one on each side.

    It computes PyTorch's `MaxPool2d(3, 2, padding=1)`: the padding is never the
    maximum, also not of negative values. A map of height `h` gives `h / 2` rows,
    rounded up. `keras.layers.MaxPooling2D` with "same" shifts the windows of
    even sizes by one.

    Example:

    >>> x = np.random.rand(2, 7, 8, 16)
    >>> PaddedMaxPooling2D()(x).shape
    (2, 4, 4, 16)

    Args:
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        paddings = [(0, 0)] * 4
        for axis in spatial_axes(self.data_format):
            paddings[axis] = (1, 1)
        x = ops.pad(inputs, paddings, constant_values=-float("inf"))
        return ops.max_pool(
            x, 3, strides=2, padding="valid", data_format=self.data_format
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels = input_shape[channel_axis(self.data_format)]
        return strided_shape(input_shape, channels, 2, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


@keras.saving.register_keras_serializable(package="keras_resattn")
class PytorchcvSoftMaskBranch(SoftMaskBranch):
    """The soft mask branch of pytorchcv's network.

    It has the weights of `SoftMaskBranch` and deviates from it in three ways:

    * Its poolings are padded.
    * Top-down, each bottom-up map is added itself, beside its skip unit's output.
    * The trunk is added before the output's BN, ReLU, 1x1, BN, ReLU, 1x1,
      sigmoid.

    Example:

    >>> x, trunk = np.random.rand(2, 56, 56, 256), np.random.rand(2, 56, 56, 256)
    >>> PytorchcvSoftMaskBranch(256, depth=3)([x, trunk]).shape
    (2, 56, 56, 256)

    Args:
        *args: The arguments of `keras_resattn.layers.SoftMaskBranch`.
        **kwargs: The arguments of `keras_resattn.layers.SoftMaskBranch`.

    Call arguments:
        inputs: A list of two batches `(N, H, W, filters)`: the input of the
            attention module's branches and the output of its trunk branch.
            The result, the mask, has the same shape.
    """

    # Its inputs are two batches, those of `SoftMaskBranch` one.
    def build(  # type: ignore[override]
        self, input_shape: Sequence[Shape]
    ) -> None:
        x, trunk = _check_pair(input_shape)
        # The poolings give other sizes here, and no weight depends on the size.
        channels = x[channel_axis(self.data_format)]
        super().build(batch_shape(None, (None, None), channels, self.data_format))
        self.pool = PaddedMaxPooling2D(self.data_format, dtype=self.dtype_policy)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x, trunk = inputs
        maps = [x]
        for units in self.down:
            maps.append(units(self.pool(maps[-1]), training=training))

        x = self.bottom(maps.pop(), training=training)
        for skip, units in zip(self.skips[::-1], self.up[::-1], strict=True):
            y = maps.pop()
            x = self.resize([x, y]) + y + skip(y, training=training)
            x = units(x, training=training)
        x = self._top(self.resize([x, trunk]) + trunk, training)
        return activate(x, self.activation, self.data_format)

    def compute_output_shape(  # type: ignore[override]
        self, input_shape: Sequence[Shape]
    ) -> Shape:
        return super().compute_output_shape(input_shape[0])


def _check_pair(input_shape: Sequence[Shape]) -> Sequence[Shape]:
    is_pair = isinstance(input_shape, (list, tuple)) and len(input_shape) == 2
    if not is_pair or not all(isinstance(s, (list, tuple)) for s in input_shape):
        raise ValueError(
            "PytorchcvSoftMaskBranch takes a list of two tensors, the input of the "
            f"branches and the trunk. Received: input_shape={input_shape}"
        )
    return input_shape
