"""The pre-activation residual unit: the basic unit of Attention-*."""

import keras
from keras import ops

from keras_resattn.layers.convolution import batch_normalization
from keras_resattn.layers.convolution import convolution
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import positive_integer
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.layers.geometry import strided_shape


@keras.saving.register_keras_serializable(package="keras_resattn")
class PreActivationUnit(keras.layers.Layer):
    """The pre-activation residual unit, a bottleneck of three convolutions.

    BN, ReLU -> 1x1 (`filters / 4`) -> BN, ReLU -> 3x3 (`filters / 4`, strided)
    -> BN, ReLU -> 1x1 (`filters`), plus the shortcut; nothing follows the sum.
    The shortcut is the raw input or, where the width or the size changes, a
    strided 1x1 convolution of the normalised and activated input.

    Any Keras layer class `Unit(filters, strides=1, **kwargs)` can take its
    place in a network. If its output is activated already, it says so by
    `pre_activation = False`; a network then adds no BN, ReLU to what it ends.

    Example:

    >>> x = np.random.rand(2, 14, 14, 64)
    >>> keras_resattn.layers.PreActivationUnit(128, strides=2)(x).shape
    (2, 7, 7, 128)

    Args:
        filters: Integer, the number of output channels, a multiple of 4.
        strides: Integer, the stride of the 3x3 convolution and the shortcut.
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Raises:
        ValueError: If `filters` is no multiple of 4 or `strides` not positive.

    Reference: He et al., Identity Mappings in Deep Residual Networks, 2016;
    Wang et al., Residual Attention Network, 2017, section 3.
    """

    pre_activation = True

    def __init__(self, filters, strides=1, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = positive_integer("filters", filters)
        if self.filters % 4:
            raise ValueError(
                "`filters` must be a multiple of 4, the factor of the "
                f"bottleneck. Received: filters={filters}"
            )
        self.strides = positive_integer("strides", strides)
        self.data_format = standardize_data_format(data_format)

    def build(self, input_shape):
        channels = input_shape[channel_axis(self.data_format)]
        if channels is None:
            raise ValueError(
                "The channels of the input must be known. "
                f"Received: input_shape={input_shape}"
            )
        common = {"data_format": self.data_format, "dtype": self.dtype_policy}
        width = self.filters // 4
        # "same" would shift the windows of a strided convolution on even
        # sizes: pad by one on each side, as the authors do.
        padding = "same" if self.strides == 1 else "valid"
        self.bn1 = batch_normalization(**common)
        self.conv1 = convolution(width, 1, **common)
        self.bn2 = batch_normalization(**common)
        self.pad = keras.layers.ZeroPadding2D(1, **common)
        self.conv2 = convolution(width, 3, self.strides, padding, **common)
        self.bn3 = batch_normalization(**common)
        self.conv3 = convolution(self.filters, 1, **common)
        self.projection = None
        if channels != self.filters or self.strides > 1:
            self.projection = convolution(self.filters, 1, self.strides, **common)
            self.projection.build(input_shape)
        narrow = strided_shape(input_shape, width, 1, self.data_format)
        strided = strided_shape(input_shape, width, self.strides, self.data_format)
        self.bn1.build(input_shape)
        self.conv1.build(input_shape)
        self.bn2.build(narrow)
        padded = narrow if self.strides == 1 else self.pad.compute_output_shape(narrow)
        self.conv2.build(padded)
        self.bn3.build(strided)
        self.conv3.build(strided)

    def call(self, inputs, training=None):
        x = ops.relu(self.bn1(inputs, training=training))
        shortcut = inputs if self.projection is None else self.projection(x)
        x = self.conv1(x)
        x = ops.relu(self.bn2(x, training=training))
        x = self.conv2(x if self.strides == 1 else self.pad(x))
        x = ops.relu(self.bn3(x, training=training))
        return self.conv3(x) + shortcut

    def compute_output_shape(self, input_shape):
        return strided_shape(input_shape, self.filters, self.strides, self.data_format)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
            "data_format": self.data_format,
        }
