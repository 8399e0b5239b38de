"""pytorchcv's `resattnet56` and `resattnet92`, to the letter.

They have the weights of the authors' networks, one for one, and compute
something else with them: `docs/compatibility.md` says what.
"""

import keras

from keras_resattn.compatibility.pytorchcv_layers import PaddedMaxPooling2D
from keras_resattn.compatibility.pytorchcv_layers import PytorchcvSoftMaskBranch
from keras_resattn.layers import AttentionResidualLearning
from keras_resattn.layers import PreActivationUnit
from keras_resattn.layers import TrunkBranch
from keras_resattn.layers.convolution import batch_normalization
from keras_resattn.layers.convolution import convolution
from keras_resattn.layers.geometry import positive_integer
from keras_resattn.network import Stage
from keras_resattn.network import image_shape
from keras_resattn.weights import check_weights
from keras_resattn.weights import load_weights

POOLINGS = {
    None: None,
    "avg": keras.layers.GlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
}


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
    if pooling not in POOLINGS:
        raise ValueError(
            f"`pooling` must be one of {tuple(POOLINGS)}. Received: pooling={pooling!r}"
        )
    image = _image(input_tensor, input_shape, include_top)
    x = _stem(image)
    for i, stage in enumerate(stages, start=1):
        x = _stage(x, stage, name=f"stage{i}")
    x = batch_normalization(keras.config.image_data_format(), name="post_bn")(x)
    x = keras.layers.Activation("relu", name="post_relu")(x)
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = _classifier(classes, classifier_activation)(x)
    elif pooling is not None:
        x = POOLINGS[pooling](name=f"{pooling}_pool")(x)

    inputs = keras.utils.get_source_inputs(image)
    model = keras.Model(inputs[0] if len(inputs) == 1 else inputs, x, name=name)
    if weights is not None:
        load_weights(model, weights)
    return model


def _image(input_tensor, input_shape, include_top):
    """The tensor of images that the network begins with, its shape checked."""
    if input_tensor is None:
        return keras.Input(shape=image_shape(input_shape, 224, 32, include_top))
    if not keras.utils.is_keras_tensor(input_tensor):
        input_tensor = keras.Input(tensor=input_tensor)
    shape = image_shape(tuple(input_tensor.shape[1:]), 224, 32, include_top)
    if input_shape is not None and tuple(input_shape) != shape:
        raise ValueError(
            "`input_shape` and the shape of `input_tensor` differ; leave out "
            f"`input_shape`. Received: input_shape={input_shape}, "
            f"input_tensor.shape={input_tensor.shape}"
        )
    return input_tensor


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


def _classifier(classes, activation):
    # Half precision is too coarse for probabilities and their logarithms.
    half = keras.config.dtype_policy().compute_dtype in ("float16", "bfloat16")
    return keras.layers.Dense(
        positive_integer("classes", classes),
        activation=activation,
        dtype="float32" if half else None,
        name="predictions",
    )


DOCSTRING = """Instantiates {title} as pytorchcv defines it (`{theirs}`).

    For weights that were trained with pytorchcv. To train a network of your
    own, take `keras_resattn.{title}`, the authors' network. pytorchcv's runs at
    224 x 224 only; this one at any size. Images are floats, scaled to 0 to 1,
    less the mean (0.485, 0.456, 0.406), over the standard deviation (0.229,
    0.224, 0.225) of each channel (RGB), if the weights were trained so.

    Example:

    >>> model = keras_resattn.compatibility.pytorchcv.{title}()
    >>> model.predict(np.random.rand(2, 224, 224, 3)).shape
    (2, 1000)

    Args:
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: `None` (random initialization) or the path to a weights file
            (`.weights.h5` or `.keras`) to be loaded. To convert a PyTorch
            file, see `keras_resattn.convert.convert_pytorchcv`.
        input_tensor: Optional Keras tensor to use as image input.
        input_shape: Optional shape of an image, `(height, width, channels)`,
            32 or more in height and width, which may be `None`. Defaults to
            `(224, 224, 3)`, and to `(None, None, 3)` if `include_top=False`.
        pooling: With `include_top=False`, how to pool the last map: `None`
            (not at all), `"avg"` or `"max"`.
        classes: Integer, the number of classes, if `include_top=True`.
        classifier_activation: The activation of the classifier, or `None` for
            logits, if `include_top=True`.
        name: String, the name of the model.

    Returns:
        A `keras.Model`. `keras_resattn.attention_masks` takes it.

    Raises:
        ValueError: If an argument is out of its range, the input is too small
            or the weights do not fit.
    """


def _named(title, theirs, name, modules):
    """Return the function that instantiates a network by its name."""
    stages = (
        Stage(filters=256, strides=1, modules=modules[0], mask_depth=3),
        Stage(filters=512, strides=2, modules=modules[1], mask_depth=2),
        Stage(filters=1024, strides=2, modules=modules[2], mask_depth=1),
        Stage(filters=2048, strides=2, modules=0, closing_units=2),
    )

    def named(
        include_top=True,
        weights=None,
        input_tensor=None,
        input_shape=None,
        pooling=None,
        classes=1000,
        classifier_activation="softmax",
        name=name,
    ):
        return network(
            stages,
            include_top=include_top,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )

    named.__name__ = named.__qualname__ = title
    named.__doc__ = DOCSTRING.format(title=title, theirs=theirs)
    return named


Attention56 = _named(
    "Attention56", "resattnet56", "pytorchcv_attention56", modules=(1, 1, 1)
)
Attention92 = _named(
    "Attention92", "resattnet92", "pytorchcv_attention92", modules=(1, 2, 3)
)
