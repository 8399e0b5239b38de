"""The ResNeXt unit: the basic unit of AttentionNeXt-*."""

import keras
from keras import ops

from keras_resattn.layers.convolution import batch_normalization
from keras_resattn.layers.convolution import convolution
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import positive_integer
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.layers.geometry import strided_shape


@keras.saving.register_keras_serializable(package="keras_resattn")
class ResNeXtUnit(keras.layers.Layer):
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
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Raises:
        ValueError: If `filters` is no multiple of twice `groups` or `strides`
            not positive.

    Reference: Xie et al., Aggregated Residual Transformations for Deep Neural
    Networks, 2017; Wang et al., Residual Attention Network, 2017, section 4.2.
    """

    pre_activation = False

    def __init__(self, filters, strides=1, groups=32, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = positive_integer("filters", filters)
        self.groups = positive_integer("groups", groups)
        if self.filters % (2 * self.groups):
            raise ValueError(
                f"`filters` must be a multiple of {2 * self.groups}, twice the "
                f"number of groups. Received: filters={filters}, groups={groups}"
            )
        self.strides = positive_integer("strides", strides)
        self.data_format = standardize_data_format(data_format)

    def build(self, input_shape):
        common = {"data_format": self.data_format, "dtype": self.dtype_policy}
        width = self.filters // 2
        padding = "same" if self.strides == 1 else "valid"
        self.conv1 = convolution(width, 1, **common)
        self.bn1 = batch_normalization(**common)
        self.pad = keras.layers.ZeroPadding2D(1, **common)
        self.conv2 = convolution(
            width, 3, self.strides, padding, groups=self.groups, **common
        )
        self.bn2 = batch_normalization(**common)
        self.conv3 = convolution(self.filters, 1, **common)
        self.bn3 = batch_normalization(**common)
        self.projection = None
        output_shape = self.compute_output_shape(input_shape)
        if input_shape[channel_axis(self.data_format)] != self.filters or (
            self.strides > 1
        ):
            self.projection = convolution(self.filters, 1, self.strides, **common)
            self.projection_bn = batch_normalization(**common)
            self.projection.build(input_shape)
            self.projection_bn.build(output_shape)
        narrow = strided_shape(input_shape, width, 1, self.data_format)
        padded = narrow if self.strides == 1 else self.pad.compute_output_shape(narrow)
        strided = strided_shape(input_shape, width, self.strides, self.data_format)
        self.conv1.build(input_shape)
        self.bn1.build(narrow)
        self.conv2.build(padded)
        self.bn2.build(strided)
        self.conv3.build(strided)
        self.bn3.build(output_shape)

    def call(self, inputs, training=None):
        x = ops.relu(self.bn1(self.conv1(inputs), training=training))
        x = self.conv2(x if self.strides == 1 else self.pad(x))
        x = ops.relu(self.bn2(x, training=training))
        x = self.bn3(self.conv3(x), training=training)
        if self.projection is None:
            return ops.relu(x + inputs)
        shortcut = self.projection_bn(self.projection(inputs), training=training)
        return ops.relu(x + shortcut)

    def compute_output_shape(self, input_shape):
        return strided_shape(input_shape, self.filters, self.strides, self.data_format)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
            "groups": self.groups,
            "data_format": self.data_format,
        }
