"""The Inception unit: the basic unit of AttentionInception-56."""

from typing import Any

import keras
from keras import ops

from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.remat import rematerialized
from keras_resattn.layers.residual import ResidualUnit
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_resattn")
class InceptionUnit(ResidualUnit):
    """A residual Inception unit in pre-activation form, with three branches.

    BN, ReLU -> {1x1 (`filters / 8`); 1x1, 3x3 (`5 filters / 32` each); 1x1,
    3x3 (`filters / 16` each), 3x3 (`filters / 8`)} -> concatenation -> BN, ReLU
    -> 1x1 (`filters`), plus the shortcut of `PreActivationUnit`. Between the
    convolutions of a branch there are BN, ReLU. The stride is on the first 3x3 of
    a branch, or on the 1x1 of the branch without a 3x3.

    This is a reconstruction. The paper names the unit but not its widths. They
    were chosen so that AttentionInception-56 has the printed parameters and
    multiply-adds.

    Example:

    >>> x = np.random.rand(2, 14, 14, 64)
    >>> keras_resattn.layers.InceptionUnit(128, strides=2)(x).shape
    (2, 7, 7, 128)

    Args:
        filters: Integer, the number of output channels, a multiple of 32.
        strides: Integer, the stride of the branches and the shortcut.
        drop_rate: Float, the probability with which a sample takes only the
            shortcut in training (stochastic depth).
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        remat: Boolean, whether to compute the intermediate maps again for the
            gradient, which saves memory.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Raises:
        ValueError: If `filters` is not a multiple of 32 or `strides` is not positive.

    Reference: Szegedy et al., Inception-v4, Inception-ResNet and the Impact of
    Residual Connections on Learning, 2016; Wang et al., Residual Attention
    Network, 2017, section 4.2.
    """

    filters_multiple = 32

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
        narrow, middle, wide = (self.filters * n // 32 for n in (2, 5, 4))
        self.bn = self.normalization(channels)
        # === Branch 1 ===
        self.conv1 = self.convolution(channels, wide, 1, self.strides)
        # === Branch 2 ===
        self.conv2_1 = self.convolution(channels, middle, 1)
        self.bn2_1 = self.normalization(middle)
        self.conv2_2 = self.convolution(middle, middle, 3, self.strides)
        # === Branch 3 ===
        self.conv3_1 = self.convolution(channels, narrow, 1)
        self.bn3_1 = self.normalization(narrow)
        self.conv3_2 = self.convolution(narrow, narrow, 3, self.strides)
        self.bn3_2 = self.normalization(narrow)
        self.conv3_3 = self.convolution(narrow, wide, 3)
        # === Together ===
        self.bn_together = self.normalization(wide + middle + wide)
        self.conv_together = self.convolution(wide + middle + wide, self.filters, 1)

    @rematerialized
    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = ops.relu(self.bn(inputs, training=training))
        shortcut = inputs if self.projection is None else self.projection(x)
        branch1 = self.conv1(x)
        branch2 = ops.relu(self.bn2_1(self.conv2_1(x), training=training))
        branch2 = self.convolve(self.conv2_2, branch2)
        branch3 = ops.relu(self.bn3_1(self.conv3_1(x), training=training))
        branch3 = self.convolve(self.conv3_2, branch3)
        branch3 = ops.relu(self.bn3_2(branch3, training=training))
        branch3 = self.convolve(self.conv3_3, branch3)
        x = ops.concatenate(
            [branch1, branch2, branch3], axis=channel_axis(self.data_format)
        )
        x = ops.relu(self.bn_together(x, training=training))
        return self.add(self.conv_together(x), shortcut, training)
