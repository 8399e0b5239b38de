"""The Residual Attention Network: stem, stages of attention modules, head."""

import functools
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import keras

from keras_resattn.builder.head import check_head
from keras_resattn.builder.head import classify
from keras_resattn.builder.head import pool
from keras_resattn.builder.image_input import image_input
from keras_resattn.builder.stages import Stage
from keras_resattn.builder.stages import as_stage
from keras_resattn.builder.stages import check_stage
from keras_resattn.builder.stages import drop_rates
from keras_resattn.builder.stages import smallest_size
from keras_resattn.builder.stages import usable_mask_depth
from keras_resattn.builder.stages import widen
from keras_resattn.layers import CeilMaxPooling2D
from keras_resattn.layers import attention_module
from keras_resattn.layers.arguments import choice
from keras_resattn.layers.arguments import rate
from keras_resattn.layers.convolution import batch_normalization
from keras_resattn.layers.convolution import convolution
from keras_resattn.layers.units import Unit
from keras_resattn.layers.units import get_unit
from keras_resattn.typing import Activation
from keras_resattn.typing import StrPath
from keras_resattn.typing import Tensor
from keras_resattn.weights import check_weights
from keras_resattn.weights import load_weights

PAPER = """Wang et al., Residual Attention Network for Image
    Classification, CVPR 2017 (https://arxiv.org/abs/1704.06904)"""


def ResidualAttentionNetwork(
    stages: Sequence[Stage],
    stem: str = "imagenet",
    p: int = 1,
    t: int = 2,
    r: int = 1,
    unit: Unit = "pre_activation",
    attention: str = "residual",
    mask_activation: str = "mixed",
    mask_structure: str = "encoder_decoder",
    width_multiplier: float = 1.0,
    stochastic_depth: float = 0.0,
    dropout: float = 0.0,
    remat: bool = False,
    default_size: int = 224,
    include_top: bool = True,
    weights: StrPath | None = None,
    input_tensor: Tensor | None = None,
    input_shape: Sequence[int | None] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Activation = "softmax",
    name: str = "residual_attention_network",
) -> keras.Model:
    """Instantiate a Residual Attention Network from its table of stages.

    One weights file fits every input size, because the mask depths of `stages`
    do not depend on it. Small inputs are the exception: there a soft mask branch
    pools only as often as its map stays at 2 x 2 or more, and at least once.

    Example:

    >>> model = keras_resattn.ResidualAttentionNetwork(
    ...     stages=[
    ...         keras_resattn.Stage(filters=32, strides=1, modules=1, mask_depth=2),
    ...         keras_resattn.Stage(filters=64, strides=2, modules=2, mask_depth=1),
    ...     ],
    ...     stem="cifar",
    ...     input_shape=(32, 32, 3),
    ...     classes=10,
    ... )

    Args:
        stages: A list of `keras_resattn.Stage`, first to last.
        stem: `"imagenet"` (7x7 convolution of stride 2 and max pooling) or
            `"cifar"` (3x3 convolution of stride 1).
        p: Integer, the number of units before and after the two branches of an
            attention module.
        t: Integer, the number of units in a trunk branch.
        r: Integer, the number of units between two poolings or resizes of a
            soft mask branch.
        unit: The basic unit: `"pre_activation"`, `"resnext"`, `"inception"`,
            or a Keras layer class `Unit(filters, strides=1, **kwargs)`, see
            docs/networks.md. The class must accept `name` and `data_format`,
            `drop_rate` if `stochastic_depth` is not 0, and `remat` if `remat`
            is `True`.
        attention: `"residual"` (attention residual learning), `"naive"` (naive
            attention learning) or `"none"` (only the trunk branches).
        mask_activation: `"mixed"`, `"channel"` or `"spatial"`, see
            `keras_resattn.layers.SoftMaskBranch`.
        mask_structure: `"encoder_decoder"` (bottom-up, top-down) or `"local"`
            (units at full resolution), see
            `keras_resattn.layers.LocalMaskBranch`.
        width_multiplier: Float, a factor for the filters of stem and stages. The
            results are rounded to multiples that the unit allows.
        stochastic_depth: Float, the probability with which a sample skips the
            branch of a unit of the last stage in training (Huang et al., 2016).
            In earlier stages it is smaller, in proportion to the depth. In the
            masks it is 0.
        dropout: Float, the rate of dropout before the classifier, if
            `include_top=True`.
        remat: Boolean, whether training keeps only the inputs of units and masks
            and computes the maps inside of them again for the gradients
            (rematerialization). This saves more than half of the memory of the
            maps and takes about a quarter more time, with the same results.
        default_size: Integer, height and width if `input_shape` is `None`.
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: `None` (random initialization) or the path to a weights file
            (`.weights.h5`, `.keras` or `.npz`) or its address.
        input_tensor: Optional Keras tensor to use as image input.
        input_shape: Optional shape of an image, `(height, width, channels)`, or
            `(channels, height, width)` if Keras is configured to
            `"channels_first"`. Height and width may be `None`.
        pooling: With `include_top=False`, how to pool the last map: `None`
            (not at all), `"avg"` or `"max"`.
        classes: Integer, the number of classes, if `include_top=True`.
        classifier_activation: The activation of the classifier, or `None` for
            logits, if `include_top=True`.
        name: String, the name of the model.

    Returns:
        A `keras.Model` on batches of images. Its attention masks are the
        outputs of the layers `stage<i>_attention<j>_mask`.

    Raises:
        ValueError: If an argument is out of its range, the input is so small
            that the map of an attention module is smaller than 2 x 2, or the
            weights do not fit.

    Reference: Wang et al., Residual Attention Network for Image
    Classification, CVPR 2017 (https://arxiv.org/abs/1704.06904).
    """
    check_weights(weights, include_top, classifier_activation)
    check_head(include_top, pooling, classes)
    choice("stem", stem, STEMS)
    unit = get_unit(unit)
    table = [check_stage(as_stage(stage)) for stage in stages]
    minimum_size = smallest_size(table, STEMS[stem].strides)
    x, inputs = image_input(
        input_tensor, input_shape, default_size, minimum_size, include_top
    )

    stem_filters, table = widen(STEMS[stem].filters, table, width_multiplier, unit)
    x = STEMS[stem].apply(x, stem_filters)
    module = {
        "p": p,
        "t": t,
        "r": r,
        "unit": unit,
        "attention": attention,
        "mask_activation": mask_activation,
        "mask_structure": mask_structure,
        "remat": remat,
    }
    dropout = rate("dropout", dropout)
    rates = drop_rates(table, rate("stochastic_depth", stochastic_depth))
    for i, stage in enumerate(table, start=1):
        x = _stage(x, stage, module, rates, name=f"stage{i}")
    if getattr(unit, "pre_activation", True):
        x = batch_normalization(keras.config.image_data_format(), name="post_bn")(x)
        x = keras.layers.Activation("relu", name="post_relu")(x)
    x = pool(x, include_top, pooling)
    if include_top:
        if dropout:
            x = keras.layers.Dropout(dropout, name="dropout")(x)
        x = classify(x, classes, classifier_activation)

    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        load_weights(model, weights)
    return model


def _imagenet_stem(x: Tensor, filters: int) -> Tensor:
    x = keras.layers.ZeroPadding2D(3, name="stem_pad")(x)
    x = convolution(filters, 7, strides=2, name="stem_conv")(x)
    x = batch_normalization(keras.config.image_data_format(), name="stem_bn")(x)
    x = keras.layers.Activation("relu", name="stem_relu")(x)
    return CeilMaxPooling2D(name="stem_pool")(x)


def _cifar_stem(x: Tensor, filters: int) -> Tensor:
    x = convolution(filters, 3, padding="same", name="stem_conv")(x)
    x = batch_normalization(keras.config.image_data_format(), name="stem_bn")(x)
    return keras.layers.Activation("relu", name="stem_relu")(x)


class Stem(NamedTuple):
    """The layers before the stages: a function of images and filters."""

    apply: Callable[[Tensor, int], Tensor]
    filters: int
    strides: int


STEMS = {
    "imagenet": Stem(_imagenet_stem, filters=64, strides=4),
    "cifar": Stem(_cifar_stem, filters=16, strides=1),
}


def _stage(
    x: Tensor,
    stage: Stage,
    module: dict[str, Any],
    rates: Iterator[float],
    name: str,
) -> Tensor:
    """Apply a row of the table: first unit, attention modules, closing units."""
    unit = functools.partial(_unit, module["unit"], stage.filters, module["remat"])
    x = unit(stage.strides, next(rates), name=f"{name}_unit1")(x)
    depth = usable_mask_depth(stage.mask_depth, x.shape)
    for j in range(1, stage.modules + 1):
        x = attention_module(
            x,
            stage.filters,
            depth,
            **module,
            drop_rate=next(rates),
            name=f"{name}_attention{j}",
        )
    for j in range(2, stage.closing_units + 2):
        x = unit(1, next(rates), name=f"{name}_unit{j}")(x)
    return x


def _unit(
    unit: type[keras.layers.Layer],
    filters: int,
    remat: bool,
    strides: int,
    drop_rate: float,
    name: str,
) -> keras.layers.Layer:
    # A custom unit without these arguments works as long as they are off.
    options = {"drop_rate": drop_rate, "remat": remat}
    stated = {key: value for key, value in options.items() if value}
    return unit(filters, strides, name=name, **stated)
