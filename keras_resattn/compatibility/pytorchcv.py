"""pytorchcv's `resattnet56` and `resattnet92`, to the letter.

They have the weights of the authors' networks, one for one, and compute
something else with them: `docs/compatibility.md` says what.
"""

import functools

import keras

from keras_resattn.builder.head import check_head
from keras_resattn.builder.head import classify
from keras_resattn.builder.head import pool
from keras_resattn.builder.image_input import image_input
from keras_resattn.builder.named import named_network
from keras_resattn.compatibility.pytorchcv_layers import PaddedMaxPooling2D
from keras_resattn.compatibility.pytorchcv_layers import PytorchcvSoftMaskBranch
from keras_resattn.layers import AttentionResidualLearning
from keras_resattn.layers import PreActivationUnit
from keras_resattn.layers import TrunkBranch
from keras_resattn.layers.convolution import batch_normalization
from keras_resattn.layers.convolution import convolution
from keras_resattn.models import stages
from keras_resattn.weights import check_weights
from keras_resattn.weights import load_weights


def network(
    stages,
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="pytorchcv_network",
):
    """Instantiates pytorchcv's network from its table of stages.

    Example:

    >>> stages = [keras_resattn.Stage(filters=32, strides=1, modules=1)]
    >>> model = network(stages, input_shape=(64, 64, 3), classes=10)

    Args:
        stages: A list of `keras_resattn.Stage`, first to last.
        include_top: As of `Attention56`, and so are the others.
        weights: As of `Attention56`.
        input_tensor: As of `Attention56`.
        input_shape: As of `Attention56`.
        pooling: As of `Attention56`.
        classes: As of `Attention56`.
        classifier_activation: As of `Attention56`.
        name: As of `Attention56`.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If an argument is out of its range, the input is too small
            or the weights do not fit.
    """
    check_weights(weights, include_top, classifier_activation)
    check_head(include_top, pooling, classes)
    x, inputs = image_input(input_tensor, input_shape, 224, 32, include_top)
    x = _stem(x)
    for i, stage in enumerate(stages, start=1):
        x = _stage(x, stage, name=f"stage{i}")
    x = batch_normalization(keras.config.image_data_format(), name="post_bn")(x)
    x = keras.layers.Activation("relu", name="post_relu")(x)
    x = pool(x, include_top, pooling)
    if include_top:
        x = classify(x, classes, classifier_activation)
    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        load_weights(model, weights)
    return model


def _stem(x):
    x = keras.layers.ZeroPadding2D(3, name="stem_pad")(x)
    x = convolution(64, 7, strides=2, name="stem_conv")(x)
    x = batch_normalization(keras.config.image_data_format(), name="stem_bn")(x)
    x = keras.layers.Activation("relu", name="stem_relu")(x)
    return PaddedMaxPooling2D(name="stem_pool")(x)


def _stage(x, stage, name):
    """One row of the table: transition unit, attention modules, closing units."""
    x = PreActivationUnit(stage.filters, stage.strides, name=f"{name}_unit1")(x)
    for j in range(1, stage.modules + 1):
        x = _attention_module(x, stage, name=f"{name}_attention{j}")
    for j in range(2, stage.closing_units + 2):
        x = PreActivationUnit(stage.filters, name=f"{name}_unit{j}")(x)
    return x


def _attention_module(x, stage, name):
    x = PreActivationUnit(stage.filters, name=f"{name}_pre1")(x)
    trunk = TrunkBranch(stage.filters, name=f"{name}_trunk")(x)
    # Padded poolings never use a map up: the depth holds at any input size.
    mask = PytorchcvSoftMaskBranch(
        stage.filters, stage.mask_depth, name=f"{name}_mask"
    )([x, trunk])
    x = AttentionResidualLearning(name=f"{name}_residual")([trunk, mask])
    return PreActivationUnit(stage.filters, name=f"{name}_post1")(x)


TEXT = """For weights that were trained with pytorchcv. To train a network of your
    own, take `keras_resattn.{title}`, the authors' network. pytorchcv's runs at
    224 x 224 only; this one at any size. Images are floats, scaled to 0 to 1,
    less the mean (0.485, 0.456, 0.406), over the standard deviation (0.229,
    0.224, 0.225) of each channel (RGB), if the weights were trained so."""


def _named(title, theirs, name, modules):
    return named_network(
        functools.partial(network, stages(modules)),
        path=f"keras_resattn.compatibility.pytorchcv.{title}",
        name=name,
        title=f"{title} as pytorchcv defines it (`{theirs}`)",
        text=TEXT.format(title=title),
        reference="https://github.com/osmr/pytorchcv, models/resattnet.py.",
    )


Attention56 = _named(
    "Attention56", "resattnet56", "pytorchcv_attention56", modules=(1, 1, 1)
)
Attention92 = _named(
    "Attention92", "resattnet92", "pytorchcv_attention92", modules=(1, 2, 3)
)
