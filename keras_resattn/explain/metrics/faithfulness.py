"""Measure how faithful maps are to the decision of a classifier."""

import dataclasses
from collections.abc import Callable
from collections.abc import Sequence
from typing import TypeAlias

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_resattn.explain.inputs import as_array
from keras_resattn.explain.inputs import as_inputs
from keras_resattn.explain.inputs import as_maps
from keras_resattn.explain.metrics.imputation import noisy_linear_imputation
from keras_resattn.explain.metrics.imputation import ranks
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.typing import Array
from keras_resattn.views.data_format import check_channels_last
from keras_resattn.views.outputs import with_output
from keras_resattn_client.extras import require_extra
from keras_resattn_client.images import ROUNDING

# From images (N, H, W, C) to probabilities (N, classes).
Predict: TypeAlias = Callable[[Array], Array]
Classes: TypeAlias = Sequence[int] | Array


def deletion(
    predict: Predict,
    inputs: Array,
    maps: Array,
    classes: Classes,
    steps: int = 32,
    baseline: ArrayLike = 0.0,
) -> tuple[Array, Array]:
    """Compute how the confidence falls as the most relevant pixels are deleted.

    Pixels are set to `baseline` in the order of the map, the largest value first.
    The curve is the probability p_c of the class at fractions 0, 1/steps, ..., 1
    of the pixels. The area under it follows the trapezoidal rule. Lower is better.

    Petsiuk et al., RISE: Randomized Input Sampling for Explanation of Black-box
    Models, BMVC 2018 (https://arxiv.org/abs/1806.07421).

    Example:

    >>> curve, areas = deletion(model.predict, inputs, maps, classes)
    >>> areas.mean()
    0.21

    Args:
        predict: A function: images `(N, H, W, C)` -> probabilities
            `(N, classes)`, such as `predictor(model)`.
        inputs: A float32 array `(N, H, W, C)`, standardized as for the model.
        maps: A float array `(N, H, W)`. Larger values are more relevant.
        classes: N integers, the class of each image.
        steps: Integer, the number of steps.
        baseline: The value of deleted pixels: a number or an array that
            broadcasts to `inputs`. 0 is the mean colour of standardized images.

    Returns:
        The curves `(N, steps + 1)` and their areas `(N,)`, float32.
    """
    return _curves(predict, inputs, maps, classes, steps, _constant(baseline))


def insertion(
    predict: Predict,
    inputs: Array,
    maps: Array,
    classes: Classes,
    steps: int = 32,
    baseline: ArrayLike = 0.0,
) -> tuple[Array, Array]:
    """Compute how the confidence rises as the most relevant pixels are inserted.

    Like `deletion`, but from an image of `baseline` to the image. Higher is
    better. RISE starts from a blurred image, which you can pass as `baseline`.

    Petsiuk et al., RISE, BMVC 2018 (https://arxiv.org/abs/1806.07421).

    Args:
        predict: See `deletion`.
        inputs: See `deletion`.
        maps: See `deletion`.
        classes: See `deletion`.
        steps: See `deletion`.
        baseline: The value of pixels that are not inserted yet.

    Returns:
        The curves `(N, steps + 1)` and their areas `(N,)`, float32.
    """
    fill = _constant(baseline)
    return _curves(predict, inputs, maps, classes, steps, fill, inserted=True)


def road(
    predict: Predict,
    inputs: Array,
    maps: Array,
    classes: Classes,
    percentiles: Sequence[float] = (20, 40, 60, 80),
    seed: int = 0,
) -> tuple[Array, Array]:
    """Compute the confidence after the most relevant pixels are imputed (ROAD).

    Removed pixels become the weighted mean of their neighbours, solved jointly,
    plus a little noise. This way the shape of the removed region gives the model no
    information. The most relevant pixels are removed first. Lower is better.

    Rong et al., A Consistent and Efficient Evaluation Strategy for Attribution
    Methods, ICML 2022 (https://arxiv.org/abs/2202.00449).

    Args:
        predict: See `deletion`.
        inputs: See `deletion`.
        maps: See `deletion`.
        classes: See `deletion`.
        percentiles: The percentages of the pixels to remove.
        seed: Integer, the seed of the noise.

    Returns:
        The confidences `(N, percentiles)` and their means `(N,)`, float32.

    Raises:
        ImportError: If SciPy is not installed (extra `vis`).
    """
    require_extra("vis", "ROAD", ("scipy",))
    inputs, maps, classes = _checked(predict, inputs, maps, classes)
    fractions = 0 < max(percentiles, default=0) <= 1
    if fractions or not all(0 <= percent <= 100 for percent in percentiles):
        raise ValueError(
            "`percentiles` are percentages of the pixels, from 0 to 100. "
            f"Received: percentiles={percentiles!r}"
        )
    rng = np.random.default_rng(seed)
    order = ranks(maps)
    columns = []
    for percent in percentiles:
        removed = order < round(maps[0].size * percent / 100)
        imputed = noisy_linear_imputation(inputs, removed, rng)
        columns.append(_confidence(predict, imputed, classes))
    confidences = np.stack(columns, axis=1)
    return confidences, confidences.mean(axis=1)


def average_drop(
    predict: Predict,
    inputs: Array,
    maps: Array,
    classes: Classes,
    baseline: ArrayLike = 0.0,
) -> Array:
    """Compute how much the confidence drops if only the part in the map is visible.

    The drop is max(0, Y - O) / Y, with Y = p_c(x) and
    O = p_c(x * map + baseline * (1 - map)), where the map is scaled to 0..1. Lower is
    better.

    Chattopadhay et al., Grad-CAM++, WACV 2018 (https://arxiv.org/abs/1710.11063).

    Args:
        predict: See `deletion`.
        inputs: See `deletion`.
        maps: See `deletion`.
        classes: See `deletion`.
        baseline: The value of pixels where the map is 0.

    Returns:
        A float32 array `(N,)` with values in 0 to 1.
    """
    whole, part = _whole_and_part(predict, inputs, maps, classes, baseline)
    return np.maximum(0, whole - part) / np.maximum(whole, 1e-12)


def increase_in_confidence(
    predict: Predict,
    inputs: Array,
    maps: Array,
    classes: Classes,
    baseline: ArrayLike = 0.0,
) -> Array:
    """Return where the confidence rises if only the part in the map is visible.

    Chattopadhay et al., Grad-CAM++, WACV 2018 (https://arxiv.org/abs/1710.11063).

    Args:
        predict: See `deletion`.
        inputs: See `deletion`.
        maps: See `deletion`.
        classes: See `deletion`.
        baseline: See `average_drop`.

    Returns:
        A float32 array `(N,)`: 1 where Y < O (see `average_drop`), otherwise 0.
        A higher mean is better.
    """
    whole, part = _whole_and_part(predict, inputs, maps, classes, baseline)
    return (part > whole).astype("float32")


def predictor(
    model: keras.Model, batch_size: int = 128, output: str | None = None
) -> Predict:
    """Return the function from images to probabilities that the metrics need.

    Args:
        model: A `keras.Model` that returns probabilities.
        batch_size: Integer, images per batch.
        output: String, the name of the output with the classes, if `model` has
            several.
    """
    return Predictor(model, with_output(model, output), batch_size)


@dataclasses.dataclass(frozen=True)
class Predictor:
    """A function from images to probabilities. It checks the images."""

    model: keras.Model
    chosen: keras.Model
    batch_size: int

    def __call__(self, inputs: Array) -> Array:
        """Return the probabilities `(N, classes)` of images `(N, H, W, C)`."""
        inputs = as_inputs(inputs, self.model)
        outputs = self.chosen.predict(inputs, self.batch_size, verbose=0)
        return np.asarray(outputs, "float32")


def _constant(baseline):
    return lambda inputs: np.broadcast_to(np.asarray(baseline, "float32"), inputs.shape)


def _curves(predict, inputs, maps, classes, steps, fill, inserted=False):
    inputs, maps, classes = _checked(predict, inputs, maps, classes)
    positive_integer("steps", steps)
    order, filled, points = ranks(maps)[..., None], fill(inputs), []
    for step in range(steps + 1):
        chosen = order < round(maps[0].size * step / steps)
        mixed = np.where(chosen == inserted, inputs, filled)
        points.append(_confidence(predict, mixed, classes))
    curves = np.stack(points, axis=1)
    areas = (curves[:, 1:] + curves[:, :-1]).mean(axis=1) / 2
    return curves, areas


def _whole_and_part(predict, inputs, maps, classes, baseline):
    inputs, maps, classes = _checked(predict, inputs, maps, classes)
    least = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - least
    shown = ((maps - least) / np.where(span > 0, span, 1))[..., None]
    part = inputs * shown + _constant(baseline)(inputs) * (1 - shown)
    whole = _confidence(predict, inputs, classes)
    return whole, _confidence(predict, part.astype("float32"), classes)


def _confidence(predict, inputs, classes):
    probabilities = np.asarray(predict(inputs), "float32")
    low, high = probabilities.min(), probabilities.max()
    outside = low < -ROUNDING or high > 1 + ROUNDING
    # A function of one's own may return any score; a model that does returns logits.
    if outside and _model_of(predict) is not None:
        raise ValueError(
            "The model must return probabilities; end it in a softmax, such as "
            "classifier_activation='softmax'. Received: outputs from "
            f"{low:g} to {high:g}"
        )
    count = probabilities.shape[-1]
    if (classes < 0).any() or (classes >= count).any():
        raise ValueError(
            f"`classes` must be from 0 to {count - 1}, the classes of the predictions. "
            f"Received: classes={classes!r}"
        )
    return probabilities[np.arange(len(classes)), classes]


def _model_of(predict):
    """Return the model that makes the predictions, `None` if it is not known."""
    if isinstance(predict, Predictor):
        return predict.model
    owner = getattr(predict, "__self__", None)  # of `model.predict`
    return owner if isinstance(owner, keras.Model) else None


def _checked(predict, inputs, maps, classes):
    model = _model_of(predict)
    if model is not None:
        check_channels_last("These metrics of models are computed")
    inputs = as_array(inputs) if model is None else as_inputs(inputs, model)
    maps, classes = as_maps(maps), np.asarray(classes)
    if maps.shape != inputs.shape[:3]:
        raise ValueError(
            "`maps` must be an array (N, H, W) that fits the `inputs` (N, H, W, C). "
            f"Received: inputs of shape {inputs.shape}, maps of shape {maps.shape}"
        )
    if classes.shape != inputs.shape[:1] or classes.dtype.kind not in "iu":
        raise ValueError(
            f"`classes` must be {len(inputs)} integers, one per image. "
            f"Received: classes={classes!r}"
        )
    return inputs, maps, classes
