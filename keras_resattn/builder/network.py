"""The Residual Attention Network: stem, stages of attention modules, head."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import keras

from keras_resattn.builder.head import check_head
from keras_resattn.builder.head import classify
from keras_resattn.builder.head import pool
from keras_resattn.builder.image_input import image_input
from keras_resattn.builder.stages import Stage
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
from keras_resattn.layers.units import get_unit
from keras_resattn.weights import check_weights
from keras_resattn.weights import load_weights

PAPER = """Wang et al., Residual Attention Network for Image
    Classification, CVPR 2017 (https://arxiv.org/abs/1704.06904)"""


def ResidualAttentionNetwork(
    stages,
    stem="imagenet",
    p=1,
    t=2,
    r=1,
    unit="pre_activation",
    attention="residual",
    mask_activation="mixed",
    mask_structure="encoder_decoder",
    width_multiplier=1.0,
    stochastic_depth=0.0,
    dropout=0.0,
    remat=False,
    default_size=224,
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="residual_attention_network",
):
    """Instantiates a Residual Attention Network from its table of stages.

    The mask depths of `stages` hold at any input size, so that one weights
    file fits them all, but for small inputs: there a soft mask branch pools as
    often as its map stays at 2 x 2 or more, and at least once.

    Example:

    >>> from keras_resattn.builder.stages import Stage
    >>> model = keras_resattn.ResidualAttentionNetwork(
    ...     stages=[
    ...         Stage(filters=32, strides=1, modules=1, mask_depth=2),
    ...         Stage(filters=64, strides=2, modules=2, mask_depth=1),
    ...     ],
    ...     stem="cifar",
    ...     input_shape=(32, 32, 3),
    ...     classes=10,
    ... )

    A trunk branch can have any structure (section 3): the basic unit may be
    any Keras layer class. Here is one of your own, two convolutions:

    >>> @keras.saving.register_keras_serializable(package="my_package")
    ... class PlainUnit(keras.layers.Layer):
    ...     def __init__(self, filters, strides=1, data_format=None, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.filters, self.strides = filters, strides
    ...         self.data_format = data_format
    ...         options = {"padding": "same", "data_format": data_format}
    ...         self.conv1 = keras.layers.Conv2D(filters, 3, strides, **options)
    ...         self.conv2 = keras.layers.Conv2D(filters, 3, **options)
    ...         self.norm = keras.layers.BatchNormalization(
    ...             axis=1 if data_format == "channels_first" else -1
    ...         )
    ...
    ...     def build(self, input_shape):
    ...         self.conv1.build(input_shape)
    ...         output_shape = self.compute_output_shape(input_shape)
    ...         self.norm.build(output_shape)
    ...         self.conv2.build(output_shape)
    ...
    ...     def call(self, inputs, training=None):
    ...         x = self.norm(self.conv1(inputs), training=training)
    ...         return self.conv2(keras.ops.relu(x))
    ...
    ...     def compute_output_shape(self, input_shape):
    ...         return self.conv1.compute_output_shape(input_shape)
    ...
    ...     def get_config(self):
    ...         own = ("filters", "strides", "data_format")
    ...         return {
    ...             **super().get_config(),
    ...             **{name: getattr(self, name) for name in own},
    ...         }
    >>> model = keras_resattn.ResidualAttentionNetwork(
    ...     stages=[keras_resattn.Stage(filters=32, strides=1, modules=1)],
    ...     stem="cifar",
    ...     unit=PlainUnit,
    ...     input_shape=(32, 32, 3),
    ...     classes=10,
    ... )

    Args:
        stages: A list of `Stage`, first to last.
        stem: `"imagenet"` (7x7 convolution of stride 2 and max pooling) or
            `"cifar"` (3x3 convolution of stride 1).
        p: Integer, the number of units before and after the two branches.
        t: Integer, the number of units in a trunk branch.
        r: Integer, the number of units between two poolings or resizes of a
            soft mask branch.
        unit: The basic unit: `"pre_activation"`, `"resnext"`, `"inception"`,
            or a Keras layer class `Unit(filters, strides=1, **kwargs)` that
            takes `name` and `data_format`, and `drop_rate` if
            `stochastic_depth` is not 0.
        attention: `"residual"` (attention residual learning), `"naive"` (naive
            attention learning) or `"none"` (trunk branches alone).
        mask_activation: `"mixed"`, `"channel"` or `"spatial"`, see
            `keras_resattn.layers.SoftMaskBranch`.
        mask_structure: `"encoder_decoder"` (bottom-up, top-down) or `"local"`
            (units at full resolution), see
            `keras_resattn.layers.LocalMaskBranch`.
        width_multiplier: Float, what the filters of stem and stages are
            multiplied by, to the next multiple that the unit can have.
        stochastic_depth: Float, how often in training a sample skips the
            branch of a unit in the last stage; in the others less, in
            proportion to the depth (Huang et al., 2016). Not in the masks.
        dropout: Float, the rate of dropout before the classifier.
        remat: Boolean, whether a training keeps only the inputs of units and
            masks, and computes what is inside again for the gradients
            (rematerialization): less than half the memory of the maps, for
            about a quarter more time. The results are the same. A unit of
            your own then takes `remat`.
        default_size: Integer, height and width if `input_shape` is `None`.
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: `None` (random initialization) or the path to a weights file
            (`.weights.h5` or `.keras`) to be loaded.
        input_tensor: Optional Keras tensor to use as image input.
        input_shape: Optional shape of an image, `(height, width, channels)`
            (`(channels, height, width)` where Keras is configured so). Height
            and width may be `None`.
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
            that an attention module's map is under 2 x 2, or the weights do
            not fit.

    Reference: Wang et al., Residual Attention Network for Image
    Classification, CVPR 2017 (https://arxiv.org/abs/1704.06904).
    """
    check_weights(weights, include_top, classifier_activation)
    check_head(include_top, pooling, classes)
    choice("stem", stem, STEMS)
    unit = get_unit(unit)
    stages = [check_stage(Stage(*stage)) for stage in stages]
    minimum_size = smallest_size(stages, STEMS[stem].strides)
    x, inputs = image_input(
        input_tensor, input_shape, default_size, minimum_size, include_top
    )

    stem_filters, stages = widen(STEMS[stem].filters, stages, width_multiplier, unit)
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
    rates = drop_rates(stages, rate("stochastic_depth", stochastic_depth))
    for i, stage in enumerate(stages, start=1):
        x = _stage(x, stage, module, rates, name=f"stage{i}")
    if getattr(unit, "pre_activation", True):
        x = batch_normalization(keras.config.image_data_format(), name="post_bn")(x)
        x = keras.layers.Activation("relu", name="post_relu")(x)
    x = pool(x, include_top, pooling)
    if include_top:
        if rate("dropout", dropout):
            x = keras.layers.Dropout(dropout, name="dropout")(x)
        x = classify(x, classes, classifier_activation)

    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        load_weights(model, weights)
    return model


def _imagenet_stem(x, filters):
    x = keras.layers.ZeroPadding2D(3, name="stem_pad")(x)
    x = convolution(filters, 7, strides=2, name="stem_conv")(x)
    x = batch_normalization(keras.config.image_data_format(), name="stem_bn")(x)
    x = keras.layers.Activation("relu", name="stem_relu")(x)
    return CeilMaxPooling2D(name="stem_pool")(x)


def _cifar_stem(x, filters):
    x = convolution(filters, 3, padding="same", name="stem_conv")(x)
    x = batch_normalization(keras.config.image_data_format(), name="stem_bn")(x)
    return keras.layers.Activation("relu", name="stem_relu")(x)


class Stem(NamedTuple):
    """What comes before the stages: a function of images and filters."""

    apply: Callable
    filters: int
    strides: int


STEMS = {
    "imagenet": Stem(_imagenet_stem, filters=64, strides=4),
    "cifar": Stem(_cifar_stem, filters=16, strides=1),
}


def _stage(x, stage, module, rates, name):
    """One row of the table: transition unit, attention modules, closing units."""
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


def _unit(unit, filters, remat, strides, drop_rate, name):
    # A unit of one's own need not know of either.
    options = {"drop_rate": drop_rate, "remat": remat}
    stated = {key: value for key, value in options.items() if value}
    return unit(filters, strides, name=name, **stated)
