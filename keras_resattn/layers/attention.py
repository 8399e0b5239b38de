"""The attention module: trunk branch, soft mask branch, and their fusion."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_resattn.layers.arguments import choice
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.arguments import whole_number
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.layers.local_mask import LocalMaskBranch
from keras_resattn.layers.mask import SoftMaskBranch
from keras_resattn.layers.units import Unit
from keras_resattn.layers.units import UnitChain
from keras_resattn.layers.units import get_unit
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_resattn")
class TrunkBranch(UnitChain):
    """The trunk branch of an attention module: a sequence of `t` basic units.

    Example:

    >>> x = np.random.rand(2, 56, 56, 256)
    >>> keras_resattn.layers.TrunkBranch(256, t=2)(x).shape
    (2, 56, 56, 256)

    Args:
        filters: Integer, the number of channels of the output.
        t: Integer, the number of units.
        unit: A basic unit's name or layer class, see `PreActivationUnit`.
        drop_rate: Float, the probability with which a sample skips a unit's
            branch in training (stochastic depth). If it is not 0, the units must
            accept `drop_rate`.
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        remat: Boolean, whether the units compute their intermediate maps again
            for the gradients, which saves memory. If it is `True`, the units
            must accept `remat`.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Reference: Wang et al., Residual Attention Network, 2017, section 3.
    """

    def __init__(
        self,
        filters: int,
        t: int = 2,
        unit: Unit = "pre_activation",
        drop_rate: float = 0.0,
        data_format: str | None = None,
        remat: bool = False,
        **kwargs: Any,
    ) -> None:
        t = positive_integer("t", t)
        super().__init__(filters, t, unit, drop_rate, data_format, remat, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        t = config.pop("count")
        return {**config, "t": t}


class Fusion(keras.layers.Layer):
    """The layer that joins trunk and mask: every attention module has one."""

    def build(self, input_shape: Sequence[Shape]) -> None:
        if len(input_shape) != 2 or tuple(input_shape[0]) != tuple(input_shape[1]):
            raise ValueError(
                f"{type(self).__name__} takes a list of two tensors of the same shape, "
                f"the trunk and the mask. Received: input_shape={input_shape}"
            )

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        return tuple(input_shape[0])


@keras.saving.register_keras_serializable(package="keras_resattn")
class AttentionResidualLearning(Fusion):
    """Attention residual learning: `(1 + mask) * trunk`.

    The mask weights the trunk's features. Its values are between 0 and 1. Where
    the mask is 0, the trunk passes unchanged.

    Example:

    >>> trunk, mask = np.random.rand(2, 7, 7, 16), np.random.rand(2, 7, 7, 16)
    >>> keras_resattn.layers.AttentionResidualLearning()([trunk, mask]).shape
    (2, 7, 7, 16)

    Call arguments:
        inputs: A list of two batches of the same shape: the trunk and the mask.

    Reference: Wang et al., Residual Attention Network, 2017, section 3.1,
    equation 3: `H(x) = (1 + M(x)) * F(x)`.
    """

    def call(self, inputs: Tensor) -> Tensor:
        trunk, mask = inputs
        return (1.0 + mask) * trunk


@keras.saving.register_keras_serializable(package="keras_resattn")
class NaiveAttentionLearning(Fusion):
    """Naive attention learning: `mask * trunk`.

    The paper compares attention residual learning with this. Stacked modules
    multiply their masks. As mask values are between 0 and 1, the features become
    smaller with every module.

    Example:

    >>> trunk, mask = np.random.rand(2, 7, 7, 16), np.random.rand(2, 7, 7, 16)
    >>> keras_resattn.layers.NaiveAttentionLearning()([trunk, mask]).shape
    (2, 7, 7, 16)

    Call arguments:
        inputs: A list of two batches of the same shape: the trunk and the mask.

    Reference: Wang et al., Residual Attention Network, 2017, section 3,
    equation 1: `H(x) = M(x) * T(x)`.
    """

    def call(self, inputs: Tensor) -> Tensor:
        trunk, mask = inputs
        return mask * trunk


ATTENTIONS: dict[str, type[Fusion] | None] = {
    "residual": AttentionResidualLearning,
    "naive": NaiveAttentionLearning,
    "none": None,
}


MASK_STRUCTURES = {"encoder_decoder": SoftMaskBranch, "local": LocalMaskBranch}


def attention_module(
    x: Tensor,
    filters: int,
    mask_depth: int,
    p: int = 1,
    t: int = 2,
    r: int = 1,
    unit: Unit = "pre_activation",
    attention: str = "residual",
    mask_activation: str = "mixed",
    mask_structure: str = "encoder_decoder",
    drop_rate: float = 0.0,
    data_format: str | None = None,
    remat: bool = False,
    name: str = "attention",
) -> Tensor:
    """Apply an attention module to a tensor, as named layers of the flat graph.

    Example:

    >>> images = keras.Input((32, 32, 3))
    >>> x = keras.layers.Conv2D(64, 3, padding="same")(images)
    >>> x = keras_resattn.layers.attention_module(x, 64, mask_depth=2)
    >>> model = keras.Model(images, x)
    >>> model.get_layer("attention_mask").output.shape
    (None, 32, 32, 64)

    Args:
        x: A batch `(N, H, W, C)`.
        filters: Integer, the number of channels of the module.
        mask_depth: Integer, the number of poolings in the soft mask branch.
        p: Integer, the number of units before the branches split, and after
            they are fused.
        t: Integer, the number of units of the trunk branch.
        r: Integer, the number of units between two poolings or resizes of the
            soft mask branch.
        unit: A basic unit's name or layer class, see `PreActivationUnit`.
        attention: `"residual"`, `"naive"` or `"none"` (only the trunk).
        mask_activation: `"mixed"`, `"channel"` or `"spatial"`, see
            `SoftMaskBranch`.
        mask_structure: `"encoder_decoder"` (`SoftMaskBranch`) or `"local"`
            (`LocalMaskBranch`).
        drop_rate: Float, the probability with which a sample skips the branch of
            a unit outside the mask in training (stochastic depth).
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        remat: Boolean, whether units and mask compute their intermediate maps
            again for the gradients, which saves memory.
        name: String, the prefix of the names of the module's layers:
            `<name>_pre1`, `<name>_trunk`, `<name>_mask`, `<name>_residual` (or
            `<name>_naive`), `<name>_post1`.

    Returns:
        A batch `(N, H, W, filters)`.

    Reference: Wang et al., Residual Attention Network, 2017, section 3 and
    figure 2.
    """
    unit = get_unit(unit)
    p = whole_number("p", p)
    choice("attention", attention, ATTENTIONS)
    choice("mask_structure", mask_structure, MASK_STRUCTURES)
    common: dict[str, Any] = {"data_format": standardize_data_format(data_format)}
    if remat:  # A custom unit without this argument works as long as it is off.
        common["remat"] = True
    dropped = {**common, "drop_rate": drop_rate} if drop_rate else common
    for i in range(1, p + 1):
        x = unit(filters, name=f"{name}_pre{i}", **dropped)(x)
    trunk = TrunkBranch(filters, t, unit, name=f"{name}_trunk", **dropped)(x)
    fusion = ATTENTIONS[attention]
    if fusion is None:
        x = trunk
    else:
        mask_branch = MASK_STRUCTURES[mask_structure]
        mask = mask_branch(
            filters, mask_depth, r, unit, mask_activation, name=f"{name}_mask", **common
        )(x)
        x = fusion(name=f"{name}_{attention}")([trunk, mask])
    for i in range(1, p + 1):
        x = unit(filters, name=f"{name}_post{i}", **dropped)(x)
    return x
