"""The pre-activation residual unit: the basic unit of Attention-*."""

from typing import Any

import keras
from keras import ops

from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.remat import rematerialized
from keras_resattn.layers.residual import ResidualUnit
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_resattn")
class PreActivationUnit(ResidualUnit):
    """The pre-activation residual unit, a bottleneck of three convolutions.

    BN, ReLU -> 1x1 (`filters / 4`) -> BN, ReLU -> 3x3 (`filters / 4`, strided)
    -> BN, ReLU -> 1x1 (`filters`), plus the shortcut. Nothing follows the sum.
    The shortcut is the raw input or, where the width or the size changes, a
    strided 1x1 convolution of the normalised and activated input.

    Any Keras layer class `Unit(filters, strides=1, **kwargs)` can replace it in
    a network. If the unit's output is already activated, set the class attribute
    `pre_activation = False`. The network then adds no BN, ReLU after its last
    unit.

    Example:

    >>> x = np.random.rand(2, 14, 14, 64)
    >>> keras_resattn.layers.PreActivationUnit(128, strides=2)(x).shape
    (2, 7, 7, 128)

    Args:
        filters: Integer, the number of output channels, a multiple of 4.
        strides: Integer, the stride of the 3x3 convolution and the shortcut.
        drop_rate: Float, the probability with which a sample takes only the
            shortcut in training (stochastic depth).
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        remat: Boolean, whether to compute the intermediate maps again for the
            gradient, which saves memory.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Raises:
        ValueError: If `filters` is not a multiple of 4 or `strides` is not positive.

    Reference: He et al., Identity Mappings in Deep Residual Networks, 2016;
    Wang et al., Residual Attention Network, 2017, section 3.
    """

    filters_multiple = 4

    def __init__(
        self,
        filters: int,
        strides: int = 1,
        drop_rate: float = 0.0,
        data_format: str | None = None,
        remat: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, strides, drop_rate, data_format, remat, **kwargs)
        self.check_filters(filters=filters)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        channels = input_shape[channel_axis(self.data_format)]
        width = self.filters // 4
        self.bn1 = self.normalization(channels)
        self.conv1 = self.convolution(channels, width, 1)
        self.bn2 = self.normalization(width)
        self.conv2 = self.convolution(width, width, 3, self.strides)
        self.bn3 = self.normalization(width)
        self.conv3 = self.convolution(width, self.filters, 1)

    @rematerialized
    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = ops.relu(self.bn1(inputs, training=training))
        shortcut = inputs if self.projection is None else self.projection(x)
        x = self.conv1(x)
        x = ops.relu(self.bn2(x, training=training))
        x = self.convolve(self.conv2, x)
        x = ops.relu(self.bn3(x, training=training))
        return self.add(self.conv3(x), shortcut, training)
