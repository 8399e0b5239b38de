"""The ResNeXt unit: the basic unit of AttentionNeXt-*."""

from typing import Any

import keras
from keras import ops

from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.remat import rematerialized
from keras_resattn.layers.residual import ResidualUnit
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_resattn")
class ResNeXtUnit(ResidualUnit):
    """The ResNeXt unit: a post-activation bottleneck of grouped convolutions.

    1x1 (`filters / 2`), BN, ReLU -> 3x3 (`filters / 2`, grouped, strided), BN,
    ReLU -> 1x1 (`filters`), BN, plus the shortcut, ReLU. The shortcut is the
    input or, where the width or the size changes, a strided 1x1 convolution
    of it, with BN.

    Example:

    >>> x = np.random.rand(2, 14, 14, 64)
    >>> keras_resattn.layers.ResNeXtUnit(128, strides=2)(x).shape
    (2, 7, 7, 128)

    Args:
        filters: Integer, the number of output channels, a multiple of twice
            `groups`.
        strides: Integer, the stride of the 3x3 convolution and the shortcut.
        groups: Integer, the number of groups (the cardinality).
        drop_rate: Float, the probability with which a sample takes only the
            shortcut in training (stochastic depth).
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        remat: Boolean, whether to compute the intermediate maps again for the
            gradient, which saves memory.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Raises:
        ValueError: If `filters` is not a multiple of twice `groups`, or `strides`
            is not positive.

    Reference: Xie et al., Aggregated Residual Transformations for Deep Neural
    Networks, 2017; Wang et al., Residual Attention Network, 2017, section 4.2.
    """

    pre_activation = False
    filters_multiple = 64

    def __init__(
        self,
        filters: int,
        strides: int = 1,
        groups: int = 32,
        drop_rate: float = 0.0,
        data_format: str | None = None,
        remat: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, strides, drop_rate, data_format, remat, **kwargs)
        self.groups = positive_integer("groups", groups)
        self.filters_multiple = 2 * self.groups
        self.check_filters(filters=filters, groups=groups)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        channels = input_shape[channel_axis(self.data_format)]
        width = self.filters // 2
        self.conv1 = self.convolution(channels, width, 1)
        self.bn1 = self.normalization(width)
        self.conv2 = self.convolution(width, width, 3, self.strides, groups=self.groups)
        self.bn2 = self.normalization(width)
        self.conv3 = self.convolution(width, self.filters, 1)
        self.bn3 = self.normalization(self.filters)
        if self.projection is not None:
            self.projection_bn = self.normalization(self.filters)

    @rematerialized
    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = ops.relu(self.bn1(self.conv1(inputs), training=training))
        x = self.convolve(self.conv2, x)
        x = ops.relu(self.bn2(x, training=training))
        x = self.bn3(self.conv3(x), training=training)
        shortcut = inputs
        if self.projection is not None:
            shortcut = self.projection_bn(self.projection(inputs), training=training)
        return ops.relu(self.add(x, shortcut, training))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}
