"""The attention module: trunk branch, soft mask branch, and their fusion."""

import keras

from keras_resattn.layers.arguments import choice
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.layers.local_mask import LocalMaskBranch
from keras_resattn.layers.mask import SoftMaskBranch
from keras_resattn.layers.units import UnitChain
from keras_resattn.layers.units import get_unit


@keras.saving.register_keras_serializable(package="keras_resattn")
class TrunkBranch(UnitChain):
    """The trunk branch of an attention module: `t` basic units in a row.

    Example:

    >>> x = np.random.rand(2, 56, 56, 256)
    >>> keras_resattn.layers.TrunkBranch(256, t=2)(x).shape
    (2, 56, 56, 256)

    Args:
        filters: Integer, the number of channels of the output.
        t: Integer, the number of units.
        unit: A basic unit's name or layer class, see `PreActivationUnit`.
        drop_rate: Float, how often in training a sample skips a unit's branch
            (stochastic depth); if not 0, an argument of the units.
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        remat: Boolean, whether the units keep nothing inside of them for
            their gradients, and compute it again; if so, an argument of the
            units.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Reference: Wang et al., Residual Attention Network, 2017, section 3.
    """

    def __init__(
        self,
        filters,
        t=2,
        unit="pre_activation",
        drop_rate=0.0,
        data_format=None,
        remat=False,
        **kwargs,
    ):
        t = positive_integer("t", t)
        super().__init__(filters, t, unit, drop_rate, data_format, remat, **kwargs)

    def get_config(self):
        config = super().get_config()
        t = config.pop("count")
        return {**config, "t": t}


class Fusion(keras.layers.Layer):
    """What joins trunk and mask. Its subclasses mark attention modules."""

    def build(self, input_shape):
        if len(input_shape) != 2 or tuple(input_shape[0]) != tuple(input_shape[1]):
            raise ValueError(
                f"{type(self).__name__} takes a list of two tensors of one shape, "
                f"the trunk and the mask. Received: input_shape={input_shape}"
            )

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])


@keras.saving.register_keras_serializable(package="keras_resattn")
class AttentionResidualLearning(Fusion):
    """Attention residual learning: `(1 + mask) * trunk`.

    The mask weighs the trunk's features and, as its values lie in 0 to 1, can
    only add to them: where it is 0 the trunk passes unchanged.

    Example:

    >>> trunk, mask = np.random.rand(2, 7, 7, 16), np.random.rand(2, 7, 7, 16)
    >>> keras_resattn.layers.AttentionResidualLearning()([trunk, mask]).shape
    (2, 7, 7, 16)

    Call arguments:
        inputs: A list of two batches of one shape: the trunk and the mask.

    Reference: Wang et al., Residual Attention Network, 2017, section 3.1,
    equation 3: `H(x) = (1 + M(x)) * F(x)`.
    """

    def call(self, inputs):
        trunk, mask = inputs
        return (1.0 + mask) * trunk


@keras.saving.register_keras_serializable(package="keras_resattn")
class NaiveAttentionLearning(Fusion):
    """Naive attention learning: `mask * trunk`.

    What the paper compares attention residual learning with. Stacked modules
    multiply their masks, which lie in 0 to 1, and the features fade.

    Example:

    >>> trunk, mask = np.random.rand(2, 7, 7, 16), np.random.rand(2, 7, 7, 16)
    >>> keras_resattn.layers.NaiveAttentionLearning()([trunk, mask]).shape
    (2, 7, 7, 16)

    Call arguments:
        inputs: A list of two batches of one shape: the trunk and the mask.

    Reference: Wang et al., Residual Attention Network, 2017, section 3,
    equation 1: `H(x) = M(x) * T(x)`.
    """

    def call(self, inputs):
        trunk, mask = inputs
        return mask * trunk


ATTENTIONS = {
    "residual": AttentionResidualLearning,
    "naive": NaiveAttentionLearning,
    "none": None,
}


MASK_STRUCTURES = {"encoder_decoder": SoftMaskBranch, "local": LocalMaskBranch}


def attention_module(
    x,
    filters,
    mask_depth,
    p=1,
    t=2,
    r=1,
    unit="pre_activation",
    attention="residual",
    mask_activation="mixed",
    mask_structure="encoder_decoder",
    drop_rate=0.0,
    data_format=None,
    remat=False,
    name="attention",
):
    """Apply an attention module to a tensor, as flat layers with names.

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
        attention: `"residual"`, `"naive"` or `"none"`, the trunk alone.
        mask_activation: `"mixed"`, `"channel"` or `"spatial"`, see
            `SoftMaskBranch`.
        mask_structure: `"encoder_decoder"` (`SoftMaskBranch`) or `"local"`
            (`LocalMaskBranch`).
        drop_rate: Float, how often in training a sample skips the branch of a
            unit outside the mask (stochastic depth).
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        remat: Boolean, whether units and mask keep nothing inside of them for
            their gradients, and compute it again.
        name: String, what the names of the module's layers begin with:
            `<name>_pre1`, `<name>_trunk`, `<name>_mask`, `<name>_residual` (or
            `<name>_naive`), `<name>_post1`.

    Returns:
        A batch `(N, H, W, filters)`.

    Reference: Wang et al., Residual Attention Network, 2017, section 3 and
    figure 2.
    """
    unit = get_unit(unit)
    choice("attention", attention, ATTENTIONS)
    choice("mask_structure", mask_structure, MASK_STRUCTURES)
    common = {"data_format": standardize_data_format(data_format)}
    if remat:  # which a unit of one's own need not know
        common["remat"] = True
    dropped = {**common, "drop_rate": drop_rate} if drop_rate else common
    for i in range(1, p + 1):
        x = unit(filters, name=f"{name}_pre{i}", **dropped)(x)
    trunk = TrunkBranch(filters, t, unit, name=f"{name}_trunk", **dropped)(x)
    if attention == "none":
        x = trunk
    else:
        mask_branch = MASK_STRUCTURES[mask_structure]
        mask = mask_branch(
            filters, mask_depth, r, unit, mask_activation, name=f"{name}_mask", **common
        )(x)
        x = ATTENTIONS[attention](name=f"{name}_{attention}")([trunk, mask])
    for i in range(1, p + 1):
        x = unit(filters, name=f"{name}_post{i}", **dropped)(x)
    return x
