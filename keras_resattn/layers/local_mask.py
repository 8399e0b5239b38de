"""The mask branch that the paper compares the soft mask branch with."""

import keras

from keras_resattn.layers.convolution import convolution
from keras_resattn.layers.mask import SoftMaskBranch
from keras_resattn.layers.mask import activate
from keras_resattn.layers.units import UnitChain
from keras_resattn.layers.units import keep_frozen
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_resattn")
class LocalMaskBranch(SoftMaskBranch):
    """A mask branch of local convolutions, without pooling and resizing.

    Basic units at full resolution, then the mask's activation. The number of
    units is chosen so that the branch has about the multiply-adds of a
    `SoftMaskBranch` with the same arguments: three with `r=1`, as in the paper.
    If units end in ReLU, a 1x1 convolution replaces the last unit; otherwise the
    sigmoid masks could not be less than 0.5.

    Example:

    >>> x = np.random.rand(2, 56, 56, 256)
    >>> keras_resattn.layers.LocalMaskBranch(256, depth=3)(x).shape
    (2, 56, 56, 256)

    Args:
        filters: Integer, the number of channels of the input and the mask.
        depth: Integer, the number of poolings of the `SoftMaskBranch` that it is
            compared with.
        **kwargs: The other arguments of `SoftMaskBranch`.

    Call arguments:
        inputs: A batch `(N, H, W, filters)`. The result, the mask, has the
            same shape.

    Reference: Wang et al., Residual Attention Network, 2017, section 4.1, on
    the mask's structure.
    """

    @property
    def count(self) -> int:
        """The number of units."""
        # A unit below i poolings costs 1 / 4**i of a unit at full resolution. The
        # two 1x1 convolutions at the top of a soft mask branch cost about two units.
        between = sum((2 * self.r + 1) / 4**i for i in range(1, self.depth))
        count = int(between + 2 * self.r / 4**self.depth + 2 + 0.5)
        return count if self._ends_raw else count - 1

    @property
    def _ends_raw(self) -> bool:
        return getattr(self.unit, "pre_activation", True)

    def build(self, input_shape: Shape) -> None:
        common = {"data_format": self.data_format, "dtype": self.dtype_policy}
        options = {**common, "remat": True} if self.remat else common
        self.units = UnitChain(self.filters, self.count, self.unit, **options)
        self.units.build(input_shape)
        self.conv = None
        if not self._ends_raw:
            self.conv = convolution(self.filters, 1, **common)
            self.conv.build(self.compute_output_shape(input_shape))
        keep_frozen(self)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = self.units(inputs, training=training)
        if self.conv is not None:
            x = self.conv(x)
        return activate(x, self.activation, self.data_format)
