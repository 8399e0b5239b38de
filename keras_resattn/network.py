"""The Residual Attention Network: stem, stages of attention modules, head."""

from typing import NamedTuple

import keras

from keras_resattn.layers import CeilMaxPooling2D
from keras_resattn.layers import attention_module
from keras_resattn.layers.convolution import batch_normalization
from keras_resattn.layers.convolution import convolution
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import positive_integer
from keras_resattn.layers.geometry import spatial_axes
from keras_resattn.layers.units import get_unit
from keras_resattn.weights import check_weights
from keras_resattn.weights import load_weights


class Stage(NamedTuple):
    """A stage of the network, a row in the paper's table.

    Attributes:
        filters: The number of channels of every unit in the stage.
        strides: The stride of the first unit.
        modules: The number of attention modules after the first unit.
        mask_depth: The number of poolings in a module's soft mask branch.
        closing_units: The number of units after the modules.
    """

    filters: int
    strides: int
    modules: int
    mask_depth: int = 1
    closing_units: int = 0


def ResidualAttentionNetwork(
    stages,
    stem="imagenet",
    p=1,
    t=2,
    r=1,
    unit="pre_activation",
    attention="residual",
    mask_activation="mixed",
    default_size=224,
    minimum_size=32,
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

    >>> from keras_resattn.network import Stage
    >>> model = keras_resattn.ResidualAttentionNetwork(
    ...     stages=[
    ...         Stage(filters=32, strides=1, modules=1, mask_depth=2),
    ...         Stage(filters=64, strides=2, modules=2, mask_depth=1),
    ...     ],
    ...     stem="cifar",
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
        unit: The basic unit, a name or a Keras layer class
            `Unit(filters, strides=1, **kwargs)`.
        attention: `"residual"` (attention residual learning), `"naive"` (naive
            attention learning) or `"none"` (trunk branches alone).
        mask_activation: `"mixed"`, `"channel"` or `"spatial"`, see
            `keras_resattn.layers.SoftMaskBranch`.
        default_size: Integer, height and width if `input_shape` is `None`.
        minimum_size: Integer, the smallest height and width accepted.
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
        ValueError: If an argument is out of its range, the input is smaller
            than `minimum_size` or the weights do not fit.

    Reference: Wang et al., Residual Attention Network for Image
    Classification, CVPR 2017 (https://arxiv.org/abs/1704.06904).
    """
    check_weights(weights, include_top, classifier_activation)
    _check_choice("pooling", pooling, (None, "avg", "max"))
    _check_choice("stem", stem, tuple(STEMS))
    unit = get_unit(unit)
    if input_tensor is None:
        input_shape = image_shape(input_shape, default_size, minimum_size, include_top)
        x = inputs = keras.Input(shape=input_shape)
    else:
        x = _as_keras_tensor(input_tensor, input_shape)
        image_shape(tuple(x.shape[1:]), default_size, minimum_size, include_top)
        inputs = keras.utils.get_source_inputs(x)

    x = STEMS[stem](x)
    module = {
        "p": p,
        "t": t,
        "r": r,
        "unit": unit,
        "attention": attention,
        "mask_activation": mask_activation,
    }
    for i, stage in enumerate(stages, start=1):
        x = _stage(x, stage, module, name=f"stage{i}")
    if getattr(unit, "pre_activation", True):
        x = batch_normalization(keras.config.image_data_format(), name="post_bn")(x)
        x = keras.layers.Activation("relu", name="post_relu")(x)
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = _classifier(classes, classifier_activation)(x)
    elif pooling == "avg":
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif pooling == "max":
        x = keras.layers.GlobalMaxPooling2D(name="max_pool")(x)

    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        load_weights(model, weights)
    return model


def _imagenet_stem(x):
    x = keras.layers.ZeroPadding2D(3, name="stem_pad")(x)
    x = convolution(64, 7, strides=2, name="stem_conv")(x)
    x = batch_normalization(keras.config.image_data_format(), name="stem_bn")(x)
    x = keras.layers.Activation("relu", name="stem_relu")(x)
    return CeilMaxPooling2D(name="stem_pool")(x)


def _cifar_stem(x):
    x = convolution(16, 3, padding="same", name="stem_conv")(x)
    x = batch_normalization(keras.config.image_data_format(), name="stem_bn")(x)
    return keras.layers.Activation("relu", name="stem_relu")(x)


STEMS = {"imagenet": _imagenet_stem, "cifar": _cifar_stem}


def _stage(x, stage, module, name):
    """One row of the table: transition unit, attention modules, closing units."""
    unit = module["unit"]
    x = unit(stage.filters, stage.strides, name=f"{name}_unit1")(x)
    depth = usable_mask_depth(stage.mask_depth, x.shape)
    for j in range(1, stage.modules + 1):
        x = attention_module(
            x, stage.filters, depth, **module, name=f"{name}_attention{j}"
        )
    for j in range(2, stage.closing_units + 2):
        x = unit(stage.filters, name=f"{name}_unit{j}")(x)
    return x


def usable_mask_depth(mask_depth, shape):
    """Return `mask_depth`, less what would pool a map to under 2 x 2."""
    axes = spatial_axes(keras.config.image_data_format())
    sizes = [shape[axis] for axis in axes if shape[axis] is not None]
    smallest = min(sizes, default=2 << mask_depth)
    return max(1, min(mask_depth, smallest.bit_length() - 2))


def image_shape(input_shape, default_size, minimum_size, include_top):
    """Return the shape of an image, checked, as keras.applications does it.

    Raises:
        ValueError: If it is no triple, has unknown channels or is too small.
    """
    data_format = keras.config.image_data_format()
    if input_shape is None:
        size = (default_size,) * 2 if include_top else (None, None)
        return (*size, 3) if data_format == "channels_last" else (3, *size)
    if not isinstance(input_shape, (tuple, list)) or len(input_shape) != 3:
        raise ValueError(
            "`input_shape` must be a tuple of three integers. "
            f"Received: input_shape={input_shape}"
        )
    *_, channels = spatial_and_channels = _spatial_and_channels(input_shape)
    if channels is None:
        raise ValueError(
            "The number of channels in `input_shape` must be known. "
            f"Received: input_shape={input_shape}"
        )
    for n in spatial_and_channels:
        if n is not None:
            positive_integer("input_shape", n)
    if any(n is not None and n < minimum_size for n in spatial_and_channels[:2]):
        raise ValueError(
            f"Input size must be at least {minimum_size}x{minimum_size}. "
            f"Received: input_shape={input_shape}"
        )
    return tuple(input_shape)


def _spatial_and_channels(input_shape):
    if channel_axis(keras.config.image_data_format()) == 1:
        channels, *size = input_shape
    else:
        *size, channels = input_shape
    return (*size, channels)


def _as_keras_tensor(input_tensor, input_shape):
    if not keras.utils.is_keras_tensor(input_tensor):
        return keras.Input(tensor=input_tensor, shape=input_shape)
    if input_shape is not None and tuple(input_tensor.shape[1:]) != tuple(input_shape):
        raise ValueError(
            "`input_shape` and the shape of `input_tensor` differ; leave out "
            f"`input_shape`. Received: input_shape={input_shape}, "
            f"input_tensor.shape={input_tensor.shape}"
        )
    return input_tensor


def _classifier(classes, activation):
    # Half precision is too coarse for probabilities and their logarithms.
    half = keras.config.dtype_policy().compute_dtype in ("float16", "bfloat16")
    return keras.layers.Dense(
        positive_integer("classes", classes),
        activation=activation,
        dtype="float32" if half else None,
        name="predictions",
    )


def _check_choice(argument, value, choices):
    if value not in choices:
        raise ValueError(
            f"`{argument}` must be one of {choices}. Received: {argument}={value!r}"
        )
