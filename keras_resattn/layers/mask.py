"""The soft mask branch: bottom-up, top-down attention."""

import keras
from keras import ops

from keras_resattn.layers.geometry import positive_integer
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.layers.geometry import strided_shape
from keras_resattn.layers.pooling import CeilMaxPooling2D
from keras_resattn.layers.resize import AlignedResize
from keras_resattn.layers.units import UnitChain
from keras_resattn.layers.units import batch_normalization
from keras_resattn.layers.units import convolution
from keras_resattn.layers.units import get_unit
from keras_resattn.layers.units import unit_name


@keras.saving.register_keras_serializable(package="keras_resattn")
class SoftMaskBranch(keras.layers.Layer):
    """The soft mask branch of an attention module.

    Going down, `depth` times: max pooling, then `r` units. At the bottom: `r`
    more units. Going up: an aligned-corners resize to the size of the map one
    level above, plus that map's skip unit, then `r` units; the last resize is
    to the size of the input and nothing follows it. The output: BN, ReLU, 1x1,
    BN, ReLU, 1x1, sigmoid.

    Example:

    >>> x = np.random.rand(2, 56, 56, 256)
    >>> keras_resattn.layers.SoftMaskBranch(256, depth=3)(x).shape
    (2, 56, 56, 256)

    Args:
        filters: Integer, the number of channels of the input and the mask.
        depth: Integer, the number of max poolings: the paper's networks have
            3, 2 and 1 in stages 1, 2 and 3.
        r: Integer, the number of units between two poolings or resizes.
        unit: A basic unit's name or layer class, see `PreActivationUnit`.
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Call arguments:
        inputs: A batch `(N, H, W, filters)`. The result, the mask, has the
            same shape and values in 0 to 1.

    Reference: Wang et al., Residual Attention Network, 2017, section 3.2.
    """

    def __init__(
        self,
        filters,
        depth,
        r=1,
        unit="pre_activation",
        data_format=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = positive_integer("filters", filters)
        self.depth = positive_integer("depth", depth)
        self.r = positive_integer("r", r)
        self.unit = get_unit(unit)
        self.data_format = standardize_data_format(data_format)

    def build(self, input_shape):
        common = {"data_format": self.data_format, "dtype": self.dtype_policy}

        def units():
            return UnitChain(self.filters, self.r, self.unit, **common)

        # === Layers ===
        self.pool = CeilMaxPooling2D(**common)
        self.resize = AlignedResize(**common)
        self.down = [units() for _ in range(self.depth)]
        self.bottom = units()
        self.skips = [self.unit(self.filters, **common) for _ in self.down[:-1]]
        self.up = [units() for _ in self.skips]
        self.bn1 = batch_normalization(**common)
        self.conv1 = convolution(self.filters, 1, **common)
        self.bn2 = batch_normalization(**common)
        self.conv2 = convolution(self.filters, 1, **common)

        # === Shapes: all but the last resize's result are pooled maps ===
        shape = strided_shape(input_shape, self.filters, 1, self.data_format)
        for layer in (self.bn1, self.conv1, self.bn2, self.conv2):
            layer.build(shape)
        pooled = []
        for level in self.down:
            shape = self.pool.compute_output_shape(shape)
            pooled.append(shape)
            level.build(shape)
        self.bottom.build(shape)
        for skip, level, shape in zip(self.skips, self.up, pooled[:-1], strict=True):
            skip.build(shape)
            level.build(shape)

    def call(self, inputs, training=None):
        maps = [inputs]
        for units in self.down:
            maps.append(units(self.pool(maps[-1]), training=training))

        x = self.bottom(maps.pop(), training=training)
        for skip, units in zip(self.skips[::-1], self.up[::-1], strict=True):
            reference = maps.pop()
            x = self.resize([x, reference]) + skip(reference, training=training)
            x = units(x, training=training)
        x = self.resize([x, inputs])

        x = self.conv1(ops.relu(self.bn1(x, training=training)))
        x = self.conv2(ops.relu(self.bn2(x, training=training)))
        return ops.sigmoid(x)

    def compute_output_shape(self, input_shape):
        return strided_shape(input_shape, self.filters, 1, self.data_format)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "depth": self.depth,
            "r": self.r,
            "unit": unit_name(self.unit),
            "data_format": self.data_format,
        }
