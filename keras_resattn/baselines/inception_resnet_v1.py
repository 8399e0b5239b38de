"""Inception-ResNet-v1: its blocks as tables, and the network built from them."""

from collections.abc import Sequence
from typing import Any
from typing import TypeAlias

import keras

from keras_resattn.builder.documentation import Documentation
from keras_resattn.builder.head import check_head
from keras_resattn.builder.head import classify
from keras_resattn.builder.head import pool
from keras_resattn.builder.image_input import image_input
from keras_resattn.builder.named import named
from keras_resattn.builder.signatures import network
from keras_resattn.layers.convolution import convolution
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.typing import Activation
from keras_resattn.typing import Shape
from keras_resattn.typing import StrPath
from keras_resattn.typing import Tensor
from keras_resattn.weights import check_weights
from keras_resattn.weights import load_weights

# A branch is a sequence of convolutions, each `(filters, kernel size)` or
# `(filters, kernel size, stride)`.
Branch: TypeAlias = Sequence[tuple]

BLOCK_A = (
    ((32, 1),),
    ((32, 1), (32, 3)),
    ((32, 1), (32, 3), (32, 3)),
)
REDUCTION_A = (
    ((384, 3, 2),),
    ((192, 1), (192, 3), (256, 3, 2)),
)
BLOCK_B = (
    ((128, 1),),
    ((128, 1), (128, (1, 7)), (128, (7, 1))),
)
REDUCTION_B = (
    ((256, 1), (384, 3, 2)),
    ((256, 1), (256, 3, 2)),
    ((256, 1), (256, 3), (256, 3, 2)),
)
BLOCK_C = (
    ((192, 1),),
    ((192, 1), (192, (1, 3)), (192, (3, 1))),
)


def _network(
    include_top: bool,
    weights: StrPath | None,
    input_tensor: Tensor | None,
    input_shape: Sequence[int | None] | None,
    pooling: str | None,
    classes: int,
    classifier_activation: Activation,
    name: str,
) -> keras.Model:
    check_weights(weights, include_top, classifier_activation)
    check_head(include_top, pooling, classes)
    x, inputs = image_input(input_tensor, input_shape, 299, 75, include_top)
    x = pool(_features(x), include_top, pooling)
    if include_top:
        x = keras.layers.Dropout(0.6, name="dropout")(x)
        x = keras.layers.Dense(512, use_bias=False, name="bottleneck")(x)
        x = _normalization(-1, name="bottleneck_bn")(x)
        x = classify(x, classes, classifier_activation)
    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        load_weights(model, weights)
    return model


def _features(x: Tensor) -> Tensor:
    x = _stem(x)
    for i in range(1, 6):
        x = _block(x, BLOCK_A, scale=0.17, name=f"block_a{i}")
    x = _reduction(x, REDUCTION_A, name="reduction_a")
    for i in range(1, 11):
        x = _block(x, BLOCK_B, scale=0.1, name=f"block_b{i}")
    x = _reduction(x, REDUCTION_B, name="reduction_b")
    for i in range(1, 6):
        x = _block(x, BLOCK_C, scale=0.2, name=f"block_c{i}")
    return _block(x, BLOCK_C, scale=1.0, activate=False, name="block_c6")


def _stem(x: Tensor) -> Tensor:
    x = _convolution(x, 32, 3, 2, padding="valid", name="stem_conv1")
    x = _convolution(x, 32, 3, padding="valid", name="stem_conv2")
    x = _convolution(x, 64, 3, name="stem_conv3")
    x = keras.layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    x = _convolution(x, 80, 1, name="stem_conv4")
    x = _convolution(x, 192, 3, padding="valid", name="stem_conv5")
    return _convolution(x, 256, 3, 2, padding="valid", name="stem_conv6")


def _block(
    x: Tensor,
    branches: Sequence[Branch],
    scale: float,
    name: str,
    activate: bool = True,
) -> Tensor:
    """Apply an Inception-ResNet block: the input plus a scaled residual, ReLU."""
    maps = [_branch(x, row, f"{name}_branch{i}") for i, row in enumerate(branches, 1)]
    residual = _concatenate(maps, name)
    # Linear, as in the paper: a bias instead of normalization and ReLU.
    residual = keras.layers.Conv2D(
        x.shape[channel_axis(keras.config.image_data_format())],
        1,
        kernel_initializer="he_normal",
        name=f"{name}_linear",
    )(residual)
    x = ScaledResidual(scale, name=f"{name}_residual")([x, residual])
    return keras.layers.Activation("relu", name=f"{name}_relu")(x) if activate else x


def _reduction(x: Tensor, branches: Sequence[Branch], name: str) -> Tensor:
    """Apply a reduction block: strided branches and max pooling, concatenated."""
    maps = [_branch(x, row, f"{name}_branch{i}") for i, row in enumerate(branches, 1)]
    maps.append(keras.layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x))
    return _concatenate(maps, name)


def _branch(x: Tensor, row: Branch, name: str) -> Tensor:
    for i, (filters, kernel_size, *strides) in enumerate(row, start=1):
        x = _convolution(x, filters, kernel_size, *strides, name=f"{name}_conv{i}")
    return x


def _concatenate(maps: list[Tensor], name: str) -> Tensor:
    axis = channel_axis(keras.config.image_data_format())
    return keras.layers.Concatenate(axis=axis, name=f"{name}_concatenate")(maps)


def _convolution(
    x: Tensor,
    filters: int,
    kernel_size: int | tuple[int, int],
    strides: int = 1,
    padding: str | None = None,
    *,
    name: str,
) -> Tensor:
    """Apply convolution, BN, ReLU. With a stride, the default is no padding."""
    padding = padding or ("same" if strides == 1 else "valid")
    x = convolution(filters, kernel_size, strides, padding, name=name)(x)
    axis = channel_axis(keras.config.image_data_format())
    x = _normalization(axis, name=f"{name}_bn")(x)
    return keras.layers.Activation("relu", name=f"{name}_relu")(x)


def _normalization(axis: int, name: str) -> keras.layers.BatchNormalization:
    return keras.layers.BatchNormalization(
        axis=axis, momentum=0.9, epsilon=1e-3, name=name
    )


@keras.saving.register_keras_serializable(package="keras_resattn")
class ScaledResidual(keras.layers.Layer):
    """The sum of an input and a scaled residual: `x + scale * residual`.

    Example:

    >>> x, residual = np.random.rand(2, 7, 7, 16), np.random.rand(2, 7, 7, 16)
    >>> layer = keras_resattn.baselines.inception_resnet_v1.ScaledResidual(0.2)
    >>> layer([x, residual]).shape
    (2, 7, 7, 16)

    Args:
        scale: Float, the factor of the residual. Scales of 0.1 to 0.3 keep the
            training of wide networks stable.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Call arguments:
        inputs: A list of two batches of the same shape: the input and the residual.

    Reference: Szegedy et al., Inception-v4, Inception-ResNet and the Impact
    of Residual Connections on Learning, 2016, section 3.3.
    """

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Tensor) -> Tensor:
        x, residual = inputs
        return x + self.scale * residual

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


InceptionResNetV1 = named(
    network,
    _network,
    "inception_resnet_v1",
    Documentation(
        path="keras_resattn.baselines.InceptionResNetV1",
        size=299,
        minimum=75,
        title="Inception-ResNet-v1, for ImageNet",
        text="""With the default arguments it has 23,995,624 trainable parameters, as
    many as pytorchcv's `inceptionresnetv1`. It is that definition, which
    re-implementations of FaceNet share. It deviates from the paper's in two places:

    * The paper has five equal C blocks. Here is a sixth, neither scaled nor
      activated.
    * The paper's head is dropout of 0.2 and the classifier. Here it is dropout of
      0.6 and a normalized bottleneck of 512 features before the classifier.

    The paper gives the scales of the residuals as 0.1 to 0.3. Here they are 0.17,
    0.1 and 0.2.""",
        reference="""Szegedy et al., Inception-v4, Inception-ResNet and the Impact
    of Residual Connections on Learning, 2016 (https://arxiv.org/abs/1602.07261),
    figures 10 to 15.""",
    ),
)
