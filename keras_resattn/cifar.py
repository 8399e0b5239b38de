"""The networks for small images by name. The tables are the architecture."""

from keras_resattn.network import ResidualAttentionNetwork
from keras_resattn.network import Stage

ATTENTION_56 = (
    Stage(filters=64, strides=1, modules=1, mask_depth=3, closing_units=1),
    Stage(filters=128, strides=2, modules=1, mask_depth=2, closing_units=1),
    Stage(filters=256, strides=2, modules=1, mask_depth=1, closing_units=1),
)


def Attention56(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="softmax",
    name="cifar_attention56",
):
    """Instantiates Attention-56 for small images, such as CIFAR's.

    With 10 classes it has 1,030,394 trainable parameters and takes 122.8 M
    multiply-adds an image of 32 x 32. The authors published no definition of
    their CIFAR networks: this one is a reconstruction, whose sizes fit those
    that the paper prints.

    Example:

    >>> model = keras_resattn.cifar.Attention56(input_shape=(28, 28, 1))
    >>> model.predict(np.random.rand(2, 28, 28, 1)).shape
    (2, 10)

    Args:
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: `None` (random initialization) or the path to a weights file
            (`.weights.h5` or `.keras`) to be loaded.
        input_tensor: Optional Keras tensor to use as image input.
        input_shape: Optional shape of an image, `(height, width, channels)`, 8
            or more in height and width, which may be `None`; any number of
            channels. Defaults to `(32, 32, 3)`, and to `(None, None, 3)` if
            `include_top=False`.
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

    Reference: Wang et al., Residual Attention Network for Image
    Classification, CVPR 2017, section 4.1 (https://arxiv.org/abs/1704.06904).
    """
    return ResidualAttentionNetwork(
        ATTENTION_56,
        stem="cifar",
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
