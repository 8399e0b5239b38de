"""The soft mask branch: bottom-up, top-down attention."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_resattn.layers.arguments import choice
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.convolution import batch_normalization
from keras_resattn.layers.convolution import convolution
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import spatial_axes
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.layers.geometry import strided_shape
from keras_resattn.layers.pooling import CeilMaxPooling2D
from keras_resattn.layers.remat import recompute
from keras_resattn.layers.resize import AlignedResize
from keras_resattn.layers.units import Unit
from keras_resattn.layers.units import UnitChain
from keras_resattn.layers.units import get_unit
from keras_resattn.layers.units import keep_frozen
from keras_resattn.layers.units import unit_name
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor


def _wide(x: Tensor) -> Tensor:
    # Half precision is too coarse for sums of squares and sigmoids.
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))


def mixed_attention(x: Tensor, data_format: str) -> Tensor:
    """Return `sigmoid(x)`, without a constraint (equation 4)."""
    # TensorFlow's bfloat16 sigmoid is three times slower on a CPU, and less exact.
    return ops.sigmoid(_wide(x))


def channel_attention(x: Tensor, data_format: str) -> Tensor:
    """Return `x` divided by its norm over channels at each position (equation 5)."""
    x = _wide(x)
    squares = ops.sum(ops.square(x), axis=channel_axis(data_format), keepdims=True)
    return x * ops.rsqrt(squares + 1e-6)


def spatial_attention(x: Tensor, data_format: str) -> Tensor:
    """Return `sigmoid` of `x` standardized within each channel (equation 6)."""
    x = _wide(x)
    axes = spatial_axes(data_format)
    mean, variance = ops.moments(x, axes=axes, keepdims=True)
    return ops.sigmoid((x - mean) * ops.rsqrt(variance + 1e-6))


MASK_ACTIVATIONS: dict[str, Callable[[Tensor, str], Tensor]] = {
    "mixed": mixed_attention,
    "channel": channel_attention,
    "spatial": spatial_attention,
}


def activate(x: Tensor, activation: str, data_format: str) -> Tensor:
    """Return the mask: the named activation applied to `x`."""
    return ops.cast(MASK_ACTIVATIONS[activation](x, data_format), x.dtype)


@keras.saving.register_keras_serializable(package="keras_resattn")
class SoftMaskBranch(keras.layers.Layer):
    """The soft mask branch of an attention module.

    Bottom-up: `depth` times max pooling, then `r` units. After the last of them:
    `r` more units. Top-down: an aligned-corners resize to the size of the map one
    level above, plus the output of that map's skip unit, then `r` units. The last
    resize is to the size of the input, without units after it. The output: BN,
    ReLU, 1x1, BN, ReLU, 1x1, sigmoid.

    Example:

    >>> x = np.random.rand(2, 56, 56, 256)
    >>> keras_resattn.layers.SoftMaskBranch(256, depth=3)(x).shape
    (2, 56, 56, 256)

    Args:
        filters: Integer, the number of channels of the input and the mask.
        depth: Integer, the number of max poolings. The paper's networks have
            3, 2 and 1 in stages 1, 2 and 3.
        r: Integer, the number of units between two poolings or resizes.
        unit: A basic unit's name or layer class, see `PreActivationUnit`.
        activation: How the last convolution's output `x` becomes the mask.
            `"mixed"`: `sigmoid(x)`. `"channel"`: `x` divided by its Euclidean
            norm over the channels at each position. `"spatial"`: `sigmoid` of
            `x` standardized over the positions in each channel.
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        remat: Boolean, whether the units, and the convolutions after them,
            compute their intermediate maps again for the gradients, which saves
            memory. If it is `True`, the units must accept `remat`.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Call arguments:
        inputs: A batch `(N, H, W, filters)`. The result, the mask, has the
            same shape and values from 0 to 1 (-1 to 1 with `"channel"`).

    Reference: Wang et al., Residual Attention Network, 2017, section 3.2, and
    section 3.2.1, equations 4 to 6, for the activations.
    """

    def __init__(
        self,
        filters: int,
        depth: int,
        r: int = 1,
        unit: Unit = "pre_activation",
        activation: str = "mixed",
        data_format: str | None = None,
        remat: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = positive_integer("filters", filters)
        self.depth = positive_integer("depth", depth)
        self.r = positive_integer("r", r)
        self.unit = get_unit(unit)
        self.activation = choice("activation", activation, MASK_ACTIVATIONS)
        self.data_format = standardize_data_format(data_format)
        self.remat = bool(remat)

    def build(self, input_shape: Shape) -> None:
        self._check_size(input_shape)
        channels = input_shape[channel_axis(self.data_format)]
        if channels not in (None, self.filters):
            raise ValueError(
                "The mask has the shape of its input, so both have as many channels. "
                f"Use filters={channels}, or a unit before the branches (p=1). "
                f"Received: filters={self.filters}, input_shape={tuple(input_shape)}"
            )
        common = {"data_format": self.data_format, "dtype": self.dtype_policy}
        options = {**common, "remat": True} if self.remat else common

        def units() -> UnitChain:
            return UnitChain(self.filters, self.r, self.unit, **options)

        # === Layers ===
        self.pool = CeilMaxPooling2D(**common)
        self.resize = AlignedResize(**common)
        self.down = [units() for _ in range(self.depth)]
        self.bottom = units()
        self.skips = [self.unit(self.filters, **options) for _ in self.down[:-1]]
        self.up = [units() for _ in self.skips]
        self.bn1 = None
        if getattr(self.unit, "pre_activation", True):
            self.bn1 = batch_normalization(**common)
        self.conv1 = convolution(self.filters, 1, **common)
        self.bn2 = batch_normalization(**common)
        self.conv2 = convolution(self.filters, 1, **common)

        # === Shapes: all maps but the last resize's result are pooled ===
        shape = strided_shape(input_shape, self.filters, 1, self.data_format)
        for layer in (self.bn1, self.conv1, self.bn2, self.conv2):
            if layer is not None:
                layer.build(shape)
        self.pool.build(shape)
        self.resize.build([shape, shape])
        pooled = []
        for level in self.down:
            shape = self.pool.compute_output_shape(shape)
            pooled.append(shape)
            level.build(shape)
        self.bottom.build(shape)
        for skip, level, shape in zip(self.skips, self.up, pooled[:-1], strict=True):
            skip.build(shape)
            level.build(shape)
        keep_frozen(self)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        maps = [inputs]
        for units in self.down:
            maps.append(units(self.pool(maps[-1]), training=training))

        x = self.bottom(maps.pop(), training=training)
        for skip, units in zip(self.skips[::-1], self.up[::-1], strict=True):
            reference = maps.pop()
            x = self.resize([x, reference]) + skip(reference, training=training)
            x = units(x, training=training)
        x = self.resize([x, inputs])
        return activate(self._top(x, training), self.activation, self.data_format)

    def _top(self, x: Tensor, training: bool | None) -> Tensor:
        """Return the input of the activation, from the last resize's result `x`."""
        layers = [self.bn1, self.conv1, self.bn2, self.conv2]

        def convolve(x: Tensor) -> Tensor:
            if self.bn1 is not None:
                x = ops.relu(self.bn1(x, training=training))
            x = self.conv1(x)
            return self.conv2(ops.relu(self.bn2(x, training=training)))

        if self.remat and training:
            return recompute(convolve, x, [layer for layer in layers if layer])
        return convolve(x)

    def _check_size(self, input_shape: Shape) -> None:
        sizes = [input_shape[axis] for axis in spatial_axes(self.data_format)]
        smallest = 2**self.depth
        if any(size is not None and size < smallest for size in sizes):
            raise ValueError(
                f"This soft mask branch pools its input {self.depth} times, so the "
                f"input must be at least {smallest}x{smallest}. Use a larger map or "
                f"a smaller depth. Received: input_shape={tuple(input_shape)}, "
                f"depth={self.depth}"
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return strided_shape(input_shape, self.filters, 1, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "depth": self.depth,
            "r": self.r,
            "unit": unit_name(self.unit),
            "activation": self.activation,
            "data_format": self.data_format,
            "remat": self.remat,
        }
