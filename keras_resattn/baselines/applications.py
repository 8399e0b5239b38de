"""The networks that Keras has already, with the arguments of the others here."""

import os

import keras

from keras_resattn.baselines.arguments import check_pooling
from keras_resattn.layers.geometry import positive_integer
from keras_resattn.network import image_shape
from keras_resattn.weights import check_weights
from keras_resattn.weights import load_weights


def ResNet152(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="resnet152",
):
    """Instantiates ResNet-152 as in `keras.applications`, for ImageNet.

    With the default arguments it has 60,268,520 trainable parameters, 60,419,944
    in all, and needs 11.3 billion multiply-adds. 75,712 of them are biases of
    convolutions, without effect before normalization, which its authors' own
    does not have.

    Example:

    >>> model = keras_resattn.baselines.ResNet152()
    >>> model.predict(np.random.rand(2, 224, 224, 3)).shape
    (2, 1000)

    Args:
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: `None` (random initialization), `"imagenet"` (the weights that
            Keras publishes, downloaded) or the path to a weights file
            (`.weights.h5` or `.keras`) to be loaded.
        input_tensor: Optional Keras tensor to use as image input.
        input_shape: Optional shape of an image, `(height, width, channels)`,
            32 or more in height and width, which may be `None` if
            `include_top=False`; any number of channels. Defaults to
            `(224, 224, 3)`, and to `(None, None, 3)` if `include_top=False`.
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

    Reference: He et al., Deep Residual Learning for Image Recognition, CVPR
    2016 (https://arxiv.org/abs/1512.03385).
    """
    return _application(
        keras.applications.ResNet152,
        224,
        32,
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )


def InceptionResNetV2(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="inception_resnet_v2",
):
    """Instantiates Inception-ResNet-v2 as in `keras.applications`, for ImageNet.

    With the default arguments it has 55,813,192 trainable parameters, 55,873,736
    in all, and needs 13.2 billion multiply-adds.

    Example:

    >>> model = keras_resattn.baselines.InceptionResNetV2()
    >>> model.predict(np.random.rand(2, 299, 299, 3)).shape
    (2, 1000)

    Args:
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: `None` (random initialization), `"imagenet"` (the weights that
            Keras publishes, downloaded) or the path to a weights file
            (`.weights.h5` or `.keras`) to be loaded.
        input_tensor: Optional Keras tensor to use as image input.
        input_shape: Optional shape of an image, `(height, width, channels)`,
            75 or more in height and width, which may be `None` if
            `include_top=False`; any number of channels. Defaults to
            `(299, 299, 3)`, and to `(None, None, 3)` if `include_top=False`.
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

    Reference: Szegedy et al., Inception-v4, Inception-ResNet and the Impact
    of Residual Connections on Learning, 2016 (https://arxiv.org/abs/1602.07261).
    """
    return _application(
        keras.applications.InceptionResNetV2,
        299,
        75,
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )


def _application(application, default_size, minimum_size, **arguments):
    """Call a function of keras.applications; check and load what it would not.

    Keras' own messages on shapes and files leave out the value or the remedy.
    """
    weights, shape = arguments["weights"], arguments["input_shape"]
    include_top = arguments["include_top"]
    if weights is not None and weights != "imagenet" and not os.path.isfile(weights):
        raise ValueError(
            "`weights` must be None (random initialization), 'imagenet' or the path "
            "to a weights file (.weights.h5 or .keras). "
            f"Received: weights={weights}"
        )
    check_pooling(arguments["pooling"])
    if include_top:
        positive_integer("classes", arguments["classes"])
    if shape is not None:
        shape = image_shape(shape, default_size, minimum_size, include_top)
        arguments["input_shape"] = shape
    if weights in (None, "imagenet"):
        return application(**arguments)
    check_weights(weights, include_top, arguments["classifier_activation"])
    model = application(**{**arguments, "weights": None})
    load_weights(model, weights)
    return model
