"""Attribution on all backends: what each pixel adds to the score of a class."""

from collections.abc import Callable
from collections.abc import Sequence

import keras
import numpy as np

from keras_resattn.explain.gradients import gradient_of
from keras_resattn.explain.inputs import as_classes
from keras_resattn.explain.inputs import as_inputs
from keras_resattn.explain.logits import classifier_of
from keras_resattn.explain.logits import logits_after
from keras_resattn.explain.logits import parts_at
from keras_resattn.explain.resizing import resized
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import spatial_axes
from keras_resattn.typing import Array
from keras_resattn.views.classifier_output import output_kind
from keras_resattn.views.flat import flattened
from keras_resattn.views.outputs import with_output

Classes = int | Sequence[int] | Array | None


def integrated_gradients(
    model: keras.Model,
    inputs: Array,
    classes: Classes = None,
    baseline: Array | float = 0.0,
    steps: int = 64,
    batch_size: int = 32,
    output: str | None = None,
) -> Array:
    """Integrate the gradient of a class's logit from a baseline to an image.

    The sum of a map is the logit of the image minus the logit of the baseline, up to
    the error of the integral ("completeness"). More steps make it smaller.

    Example:

    >>> integrated_gradients(model, inputs).shape
    (2, 32, 32)

    Args:
        model: A functional `keras.Model` that ends in a classifier.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        classes: Integers `(N,)`, or one for all images. Defaults to the most
            probable class of each image.
        baseline: Where the integral begins, a number or an array like an image. 0 is
            the mean colour of standardized images.
        steps: Integer, the number of gradients per image (midpoint rule).
        batch_size: Integer, gradients computed at once.
        output: See `class_evidence`.

    Returns:
        A float32 array `(N, H, W)` with both signs, summed over the colours.

    Reference: Sundararajan et al., Axiomatic Attribution for Deep Networks, 2017.
    """
    steps = positive_integer("steps", steps)
    model, inputs = with_output(model, output), as_inputs(inputs, model)
    scores = _logits(model)
    chosen = _one_hot(scores, inputs, classes, batch_size)
    differentiate = gradient_of(
        lambda x, c: keras.ops.sum(keras.ops.multiply(scores(x), c))
    )
    start = np.broadcast_to(np.asarray(baseline, "float32"), inputs.shape[1:])
    places = ((np.arange(steps) + 0.5) / steps).astype("float32")
    maps = []
    for image, target in zip(inputs, chosen, strict=True):
        path = start + places[:, None, None, None] * (image - start)
        targets = np.repeat(target[None], steps, axis=0)
        gradients = _in_batches(differentiate, batch_size, path, targets)
        products = gradients.mean(axis=0, keepdims=True) * (image - start)
        maps.append(products.sum(axis=_channel_axis())[0])
    return np.stack(maps).astype("float32")


def hires_cam(
    model: keras.Model,
    inputs: Array,
    classes: Classes = None,
    layer: str | None = None,
    batch_size: int = 32,
    output: str | None = None,
) -> Array:
    """Multiply the maps of a layer by the gradients of a class's logit (HiResCAM).

    Grad-CAM averages the gradients over the positions first, which can show positions
    that the network does not use.

    Example:

    >>> hires_cam(model, inputs).shape
    (2, 32, 32)

    Args:
        model: A functional `keras.Model` that ends in a classifier.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        classes: See `integrated_gradients`.
        layer: String, the name of the layer, see `class_evidence`.
        batch_size: Integer, images per batch.
        output: See `class_evidence`.

    Returns:
        A float32 array `(N, H, W)` with both signs: the sum over the channels, resized
        by the centres of the pixels.

    Reference: Draelos and Carin, Use HiResCAM instead of Grad-CAM for faithful
    explanations of convolutional neural networks, 2020.
    """
    model, inputs = with_output(model, output), as_inputs(inputs, model)
    body, head = parts_at(flattened(model), layer)
    chosen = _one_hot(_logits(model), inputs, classes, batch_size)
    maps = body.predict(inputs, batch_size, verbose=0).astype("float32")
    differentiate = gradient_of(
        lambda x, c: keras.ops.sum(keras.ops.multiply(head(x, training=False), c))
    )
    gradients = _in_batches(differentiate, batch_size, maps, chosen)
    return resized((maps * gradients).sum(axis=_channel_axis()), _plane(inputs))


def occlusion(
    model: keras.Model,
    inputs: Array,
    classes: Classes = None,
    size: int = 8,
    stride: int = 4,
    baseline: float = 0.0,
    batch_size: int = 32,
    output: str | None = None,
) -> Array:
    """Hide squares of images, and show how much the logit of a class falls.

    Example:

    >>> occlusion(model, inputs, size=8, stride=4).shape
    (2, 32, 32)

    Args:
        model: A functional `keras.Model` that ends in a classifier.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        classes: See `integrated_gradients`.
        size: Integer, the side of a square in pixels.
        stride: Integer, the distance between squares.
        baseline: Float, the value of hidden pixels.
        batch_size: Integer, images per batch.
        output: See `class_evidence`.

    Returns:
        A float32 array `(N, H, W)`: for each pixel the mean fall of the logit over all
        squares that hide it. Squares may reach over the right and lower border.

    Reference: Zeiler and Fergus, Visualizing and Understanding Convolutional Networks,
    2014.
    """
    size, stride = positive_integer("size", size), positive_integer("stride", stride)
    model, inputs = with_output(model, output), as_inputs(inputs, model)
    scores = _logits(model)
    chosen = _one_hot(scores, inputs, classes, batch_size)
    whole = _scores(scores, inputs, chosen, batch_size)
    height, width = _plane(inputs)
    falls, counts = np.zeros((len(inputs), height, width)), np.zeros((height, width))
    for top in range(0, height, stride):
        for left in range(0, width, stride):
            square = (slice(top, top + size), slice(left, left + size))
            hidden = np.moveaxis(inputs.copy(), _channel_axis(), -1)  # a view
            hidden[:, *square] = baseline
            hidden = np.moveaxis(hidden, -1, _channel_axis())
            fall = whole - _scores(scores, hidden, chosen, batch_size)
            falls[:, *square] += fall[:, None, None]
            counts[square] += 1
    # With a stride above the size, some pixels are never hidden.
    return (falls / np.maximum(counts, 1)).astype("float32")


def rise(
    model: keras.Model,
    inputs: Array,
    classes: Classes = None,
    count: int = 1000,
    cells: int = 7,
    visible: float = 0.5,
    seed: int = 0,
    batch_size: int = 32,
    output: str | None = None,
) -> Array:
    """Average random masks, weighted by the probability of a class under them (RISE).

    Example:

    >>> rise(model, inputs, count=500).shape
    (2, 32, 32)

    Args:
        model: A functional `keras.Model` that returns probabilities, or logits, whose
            softmax is taken.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        classes: See `integrated_gradients`.
        count: Integer, the number of masks. Each costs one prediction per image.
        cells: Integer, the cells of a mask along each side.
        visible: Float, the probability that a cell is visible.
        seed: Integer, the seed of the masks.
        batch_size: Integer, images per batch.
        output: See `class_evidence`.

    Returns:
        A float32 array `(N, H, W)`.

    Reference: Petsiuk et al., RISE, 2018.
    """
    model, inputs = with_output(model, output), as_inputs(inputs, model)
    scores = _logits(model)
    chosen = _one_hot(scores, inputs, classes, batch_size)
    masks = rise_masks(count, _plane(inputs), cells, visible, seed)
    predicted = _probabilities(model, scores)

    def probabilities(x: Array, c: Array) -> Array:
        return keras.ops.convert_to_numpy(
            keras.ops.sum(keras.ops.multiply(predicted(x), c), axis=-1)
        )

    maps = []
    for image, target in zip(inputs, chosen, strict=True):
        targets = np.repeat(target[None], count, axis=0)
        masked = np.expand_dims(masks, _channel_axis()) * image
        weights = _in_batches(probabilities, batch_size, masked, targets)
        maps.append(np.tensordot(weights, masks, 1) / (count * visible))
    return np.stack(maps).astype("float32")


def rise_masks(
    count: int, size: Sequence[int], cells: int = 7, visible: float = 0.5, seed: int = 0
) -> Array:
    """Return the random masks of RISE, float32 `(count, H, W)`, 0 to 1.

    Cells are visible or not, enlarged bilinearly to more than the image, and cut out at
    a random place.
    """
    positive_integer("count", count)
    positive_integer("cells", cells)
    if not 0 < visible <= 1:
        raise ValueError(
            "`visible` is the share of visible cells, above 0 and at most 1. "
            f"Received: visible={visible!r}"
        )
    random = np.random.default_rng(seed)
    cell = [-(-side // cells) for side in size]
    grids = (random.random((count, cells, cells)) < visible).astype("float32")
    large = resized(grids, [(cells + 1) * side for side in cell])
    tops, lefts = (random.integers(0, side, count) for side in cell)
    return np.stack(
        [
            mask[top : top + size[0], left : left + size[1]]
            for mask, top, left in zip(large, tops, lefts, strict=True)
        ]
    )


def _channel_axis() -> int:
    return channel_axis(keras.config.image_data_format())


def _plane(inputs: Array) -> tuple[int, int]:
    """Return the height and the width of a batch of images."""
    rows, columns = spatial_axes(keras.config.image_data_format())
    return inputs.shape[rows], inputs.shape[columns]


def _logits(model: keras.Model) -> Callable[..., Array]:
    """Return a function from images to the logits of a classifier."""
    part = logits_after(flattened(model).inputs[0], model, classifier_of(model))
    assert part is not None  # everything depends on the images
    return lambda x: part(x, training=False)


def _probabilities(
    model: keras.Model, scores: Callable[..., Array]
) -> Callable[..., Array]:
    """Return a function from images to the probabilities of a classifier."""
    if output_kind(model) != "logits":
        flat = flattened(model)
        return lambda x: keras.ops.cast(flat(x, training=False), "float32")
    if model.output_shape[-1] < 2:
        raise ValueError(
            "One logit has no softmax; end the model in Dense(1, 'sigmoid') or in "
            f"Dense(2, 'softmax'). Received: model={model!r}"
        )
    return lambda x: keras.ops.softmax(scores(x), axis=-1)


def _one_hot(
    scores: Callable[..., Array], inputs: Array, classes: Classes, batch_size: int
) -> Array:
    """Return the chosen classes as a float32 array `(N, classes)`."""
    logits = _in_batches(
        lambda x: keras.ops.convert_to_numpy(scores(x)), batch_size, inputs
    )
    count = logits.shape[-1]
    chosen = logits.argmax(axis=-1) if classes is None else classes
    return np.eye(count, dtype="float32")[as_classes(chosen, len(inputs), count)]


def _scores(
    scores: Callable[..., Array], inputs: Array, chosen: Array, batch_size: int
) -> Array:
    def call(x: Array, c: Array) -> Array:
        return keras.ops.convert_to_numpy(
            keras.ops.sum(keras.ops.multiply(scores(x), c), axis=-1)
        )

    return _in_batches(call, batch_size, inputs, chosen)


def _in_batches(
    function: Callable[..., Array], batch_size: int, *arrays: Array
) -> Array:
    batch_size = positive_integer("batch_size", batch_size)
    starts = range(0, len(arrays[0]), batch_size)
    return np.concatenate(
        [function(*(x[i : i + batch_size] for x in arrays)) for i in starts]
    )
