"""The residual networks without attention: pre-activation ResNets and ResNeXt."""

from keras_resattn.network import ResidualAttentionNetwork
from keras_resattn.network import Stage


def stages(filters, units):
    """Return the table of stages: units in a row, no attention modules.

    Args:
        filters: The number of channels of each stage.
        units: The number of units of each stage. The first unit of every stage
            but the first halves height and width.
    """
    return tuple(
        Stage(n, strides=1 if i == 0 else 2, modules=0, closing_units=count - 1)
        for i, (n, count) in enumerate(zip(filters, units, strict=True))
    )


IMAGENET_FILTERS = (256, 512, 1024, 2048)
RESNET200 = stages(IMAGENET_FILTERS, units=(3, 24, 36, 3))
RESNEXT101 = stages(IMAGENET_FILTERS, units=(3, 4, 23, 3))
RESNET164 = stages((64, 128, 256), units=(18, 18, 18))


def ResNet200(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="resnet200",
):
    """Instantiates ResNet-200 of pre-activation units, for ImageNet.

    With the default arguments it has 64,666,280 trainable parameters, as many
    as pytorchcv's `preresnet200b`, and needs 15.0 billion multiply-adds. Its
    stem, units and head are those of Attention-56 and Attention-92; so its
    stem pools without padding, as Caffe does, where pytorchcv's pads by one.

    Example:

    >>> model = keras_resattn.baselines.ResNet200()
    >>> model.predict(np.random.rand(2, 224, 224, 3)).shape
    (2, 1000)

    Args:
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: `None` (random initialization) or the path to a weights file
            (`.weights.h5` or `.keras`) to be loaded.
        input_tensor: Optional Keras tensor to use as image input.
        input_shape: Optional shape of an image, `(height, width, channels)`,
            32 or more in height and width, which may be `None`; any
            number of channels. Defaults to `(224, 224, 3)`, and to
            `(None, None, 3)` if `include_top=False`.
        pooling: With `include_top=False`, how to pool the last map: `None`
            (not at all), `"avg"` or `"max"`.
        classes: Integer, the number of classes, if `include_top=True`.
        classifier_activation: The activation of the classifier, or `None` for
            logits, if `include_top=True`.
        name: String, the name of the model.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If an argument is out of its range, the input is too small
            or the weights do not fit.

    Reference: He et al., Identity Mappings in Deep Residual Networks, 2016
    (https://arxiv.org/abs/1603.05027), section 4.
    """
    return ResidualAttentionNetwork(
        RESNET200,
        unit="pre_activation",
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )


def ResNeXt101(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="resnext101",
):
    """Instantiates ResNeXt-101 (32x4d), for ImageNet.

    With the default arguments it has 44,177,704 trainable parameters, as many
    as pytorchcv's `resnext101_32x4d`, and needs 8.0 billion multiply-adds. Its
    stem, units and head are those of AttentionNeXt-56 and AttentionNeXt-92; so
    its stem pools without padding, as Caffe does, where pytorchcv's pads by one.

    Example:

    >>> model = keras_resattn.baselines.ResNeXt101()
    >>> model.predict(np.random.rand(2, 224, 224, 3)).shape
    (2, 1000)

    Args:
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: `None` (random initialization) or the path to a weights file
            (`.weights.h5` or `.keras`) to be loaded.
        input_tensor: Optional Keras tensor to use as image input.
        input_shape: Optional shape of an image, `(height, width, channels)`,
            32 or more in height and width, which may be `None`; any
            number of channels. Defaults to `(224, 224, 3)`, and to
            `(None, None, 3)` if `include_top=False`.
        pooling: With `include_top=False`, how to pool the last map: `None`
            (not at all), `"avg"` or `"max"`.
        classes: Integer, the number of classes, if `include_top=True`.
        classifier_activation: The activation of the classifier, or `None` for
            logits, if `include_top=True`.
        name: String, the name of the model.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If an argument is out of its range, the input is too small
            or the weights do not fit.

    Reference: Xie et al., Aggregated Residual Transformations for Deep Neural
    Networks, CVPR 2017 (https://arxiv.org/abs/1611.05431).
    """
    return ResidualAttentionNetwork(
        RESNEXT101,
        unit="resnext",
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )


def ResNet164(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="softmax",
    name="cifar_resnet164",
):
    """Instantiates ResNet-164 of pre-activation bottlenecks, for small images.

    With 10 classes it has 1,703,290 trainable parameters: the 1,703,258 of
    pytorchcv's `preresnet164bn_cifar10` and 32 of the normalization after the
    first convolution, which the other networks for small images here have too.
    It needs 0.25 billion multiply-adds.

    Example:

    >>> model = keras_resattn.baselines.ResNet164()
    >>> model.predict(np.random.rand(2, 32, 32, 3)).shape
    (2, 10)

    Args:
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: `None` (random initialization) or the path to a weights file
            (`.weights.h5` or `.keras`) to be loaded.
        input_tensor: Optional Keras tensor to use as image input.
        input_shape: Optional shape of an image, `(height, width, channels)`,
            8 or more in height and width, which may be `None`; any
            number of channels. Defaults to `(32, 32, 3)`, and to
            `(None, None, 3)` if `include_top=False`.
        pooling: With `include_top=False`, how to pool the last map: `None`
            (not at all), `"avg"` or `"max"`.
        classes: Integer, the number of classes, if `include_top=True`.
        classifier_activation: The activation of the classifier, or `None` for
            logits, if `include_top=True`.
        name: String, the name of the model.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If an argument is out of its range, the input is too small
            or the weights do not fit.

    Reference: He et al., Identity Mappings in Deep Residual Networks, 2016
    (https://arxiv.org/abs/1603.05027), table 4.
    """
    return ResidualAttentionNetwork(
        RESNET164,
        stem="cifar",
        unit="pre_activation",
        default_size=32,
        minimum_size=8,
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )
