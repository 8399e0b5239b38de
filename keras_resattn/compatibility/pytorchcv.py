"""pytorchcv's `resattnet56` and `resattnet92`, reproduced exactly.

They have the same weights as the authors' networks, but compute different
outputs. `docs/compatibility.md` lists the differences.
"""

import functools
from collections.abc import Sequence

import keras

from keras_resattn.builder import signatures
from keras_resattn.builder.documentation import Documentation
from keras_resattn.builder.head import check_head
from keras_resattn.builder.head import classify
from keras_resattn.builder.head import pool
from keras_resattn.builder.image_input import image_input
from keras_resattn.builder.named import named
from keras_resattn.builder.stages import Stage
from keras_resattn.compatibility.pytorchcv_layers import PaddedMaxPooling2D
from keras_resattn.compatibility.pytorchcv_layers import PytorchcvSoftMaskBranch
from keras_resattn.layers import AttentionResidualLearning
from keras_resattn.layers import PreActivationUnit
from keras_resattn.layers import TrunkBranch
from keras_resattn.layers.convolution import batch_normalization
from keras_resattn.layers.convolution import convolution
from keras_resattn.models import stages
from keras_resattn.typing import Activation
from keras_resattn.typing import StrPath
from keras_resattn.typing import Tensor
from keras_resattn.weights import check_weights
from keras_resattn.weights import load_weights


def network(
    stages: Sequence[Stage],
    include_top: bool = True,
    weights: StrPath | None = None,
    input_tensor: Tensor | None = None,
    input_shape: Sequence[int | None] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Activation = "softmax",
    name: str = "pytorchcv_network",
) -> keras.Model:
    """Instantiate pytorchcv's network from its table of stages.

    Example:

    >>> stages = [keras_resattn.Stage(filters=32, strides=1, modules=1)]
    >>> model = network(stages, input_shape=(64, 64, 3), classes=10)

    Args:
        stages: A list of `keras_resattn.Stage`, first to last.
        include_top: See `Attention56`, also for the other arguments.
        weights: See `Attention56`.
        input_tensor: See `Attention56`.
        input_shape: See `Attention56`.
        pooling: See `Attention56`.
        classes: See `Attention56`.
        classifier_activation: See `Attention56`.
        name: See `Attention56`.

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


def _stem(x: Tensor) -> Tensor:
    x = keras.layers.ZeroPadding2D(3, name="stem_pad")(x)
    x = convolution(64, 7, strides=2, name="stem_conv")(x)
    x = batch_normalization(keras.config.image_data_format(), name="stem_bn")(x)
    x = keras.layers.Activation("relu", name="stem_relu")(x)
    return PaddedMaxPooling2D(name="stem_pool")(x)


def _stage(x: Tensor, stage: Stage, name: str) -> Tensor:
    """Apply a row of the table: first unit, attention modules, closing units."""
    x = PreActivationUnit(stage.filters, stage.strides, name=f"{name}_unit1")(x)
    for j in range(1, stage.modules + 1):
        x = _attention_module(x, stage, name=f"{name}_attention{j}")
    for j in range(2, stage.closing_units + 2):
        x = PreActivationUnit(stage.filters, name=f"{name}_unit{j}")(x)
    return x


def _attention_module(x: Tensor, stage: Stage, name: str) -> Tensor:
    x = PreActivationUnit(stage.filters, name=f"{name}_pre1")(x)
    trunk = TrunkBranch(stage.filters, name=f"{name}_trunk")(x)
    # Padded poolings keep at least one value, so every depth works at any size.
    mask = PytorchcvSoftMaskBranch(
        stage.filters, stage.mask_depth, name=f"{name}_mask"
    )([x, trunk])
    x = AttentionResidualLearning(name=f"{name}_residual")([trunk, mask])
    return PreActivationUnit(stage.filters, name=f"{name}_post1")(x)


TEXT = """Use it for weights that were trained with pytorchcv. To train a network
    of your own, use `keras_resattn.{title}`, the authors' network. pytorchcv's
    accepts only 224 x 224; this one accepts any size. pytorchcv's preprocessing
    scales RGB images to 0 to 1, subtracts the mean (0.485, 0.456, 0.406) and
    divides by the standard deviation (0.229, 0.224, 0.225) of each channel."""


def _documentation(title: str, theirs: str) -> Documentation:
    return Documentation(
        path=f"keras_resattn.compatibility.pytorchcv.{title}",
        title=f"{title} as pytorchcv defines it (`{theirs}`)",
        text=TEXT.format(title=title),
        reference="https://github.com/osmr/pytorchcv, models/resattnet.py.",
    )


Attention56 = named(
    signatures.network,
    functools.partial(network, stages((1, 1, 1))),
    "pytorchcv_attention56",
    _documentation("Attention56", "resattnet56"),
)
Attention92 = named(
    signatures.network,
    functools.partial(network, stages((1, 2, 3))),
    "pytorchcv_attention92",
    _documentation("Attention92", "resattnet92"),
)
