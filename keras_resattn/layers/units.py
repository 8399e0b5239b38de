"""Basic units: what trunk, mask and stages are built of."""

import keras
from keras import ops

from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import positive_integer
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.layers.geometry import strided_shape


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


@keras.saving.register_keras_serializable(package="keras_resattn")
class PreActivationUnit(keras.layers.Layer):
    """The pre-activation residual unit, a bottleneck of three convolutions.

    BN, ReLU -> 1x1 (`filters / 4`) -> BN, ReLU -> 3x3 (`filters / 4`, strided)
    -> BN, ReLU -> 1x1 (`filters`), plus the shortcut; nothing follows the sum.
    The shortcut is the raw input or, where the width or the size changes, a
    strided 1x1 convolution of the normalised and activated input.

    Any Keras layer class `Unit(filters, strides=1, **kwargs)` can take its
    place in a network.

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


UNITS = {"pre_activation": PreActivationUnit}


def get_unit(unit):
    """Return the layer class of a basic unit.

    Args:
        unit: A name in `UNITS`, the name under which a layer class was
            registered with Keras (`"package>ClassName"`), or a layer class
            `Unit(filters, strides=1, **kwargs)`.

    Returns:
        The layer class.

    Raises:
        ValueError: If `unit` is neither.
    """
    found = unit
    if isinstance(unit, str):
        found = UNITS.get(unit) or keras.saving.get_registered_object(unit)
    if isinstance(found, type) and issubclass(found, keras.layers.Layer):
        return found
    raise ValueError(
        f"`unit` must be one of {sorted(UNITS)}, the name of a registered Keras "
        f"layer class, or a Keras layer class. Received: unit={unit!r}"
    )


def unit_name(unit):
    """Return the name by which `get_unit` finds the layer class `unit`."""
    for name, known in UNITS.items():
        if known is unit:
            return name
    return keras.saving.get_registered_name(unit)


@keras.saving.register_keras_serializable(package="keras_resattn")
class UnitChain(keras.layers.Layer):
    """Basic units in a row.

    Example:

    >>> x = np.random.rand(2, 14, 14, 64)
    >>> keras_resattn.layers.UnitChain(64, count=3)(x).shape
    (2, 14, 14, 64)

    Args:
        filters: Integer, the number of channels of each unit.
        count: Integer, the number of units.
        unit: A basic unit's name or layer class, see `PreActivationUnit`.
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.
    """

    def __init__(
        self, filters, count=1, unit="pre_activation", data_format=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.filters = positive_integer("filters", filters)
        self.count = positive_integer("count", count)
        self.unit = get_unit(unit)
        self.data_format = standardize_data_format(data_format)

    def build(self, input_shape):
        common = {"data_format": self.data_format, "dtype": self.dtype_policy}
        self.units = [self.unit(self.filters, **common) for _ in range(self.count)]
        shape = input_shape
        for unit in self.units:
            unit.build(shape)
            shape = self.compute_output_shape(shape)

    def call(self, inputs, training=None):
        x = inputs
        for unit in self.units:
            x = unit(x, training=training)
        return x

    def compute_output_shape(self, input_shape):
        return strided_shape(input_shape, self.filters, 1, self.data_format)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "count": self.count,
            "unit": unit_name(self.unit),
            "data_format": self.data_format,
        }
