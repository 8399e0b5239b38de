"""The ImageNet networks by name. The tables are the architecture."""

from keras_resattn.network import ResidualAttentionNetwork
from keras_resattn.network import Stage

ATTENTION_56 = (
    Stage(filters=256, strides=1, modules=1, mask_depth=3),
    Stage(filters=512, strides=2, modules=1, mask_depth=2),
    Stage(filters=1024, strides=2, modules=1, mask_depth=1),
    Stage(filters=2048, strides=2, modules=0, closing_units=2),
)


def Attention56(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="attention56",
):
    """Instantiates Attention-56, as its authors defined it for ImageNet.

    With the default arguments it has 31,810,728 trainable parameters and takes
    6.27 G multiply-adds an image.

    Images are floats; which scale is the user's choice, as no weights of the
    authors have been published.

    Example:

    >>> model = keras_resattn.Attention56()
    >>> model.predict(np.random.rand(2, 224, 224, 3)).shape
    (2, 1000)

    Args:
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: `None` (random initialization) or the path to a weights file
            (`.weights.h5` or `.keras`) to be loaded.
        input_tensor: Optional Keras tensor to use as image input.
        input_shape: Optional shape of an image, `(height, width, channels)`,
            32 or more in height and width, which may be `None`; any number of
            channels. Defaults to `(224, 224, 3)`, and to `(None, None, 3)` if
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
    Classification, CVPR 2017, table 2 (https://arxiv.org/abs/1704.06904).
    """
    return ResidualAttentionNetwork(
        ATTENTION_56,
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )
