"""How faithful maps are to the decision of a classifier."""

import numpy as np

from keras_resattn.explain.metrics.imputation import noisy_linear_imputation
from keras_resattn.explain.metrics.imputation import ranks
from keras_resattn.layers.arguments import positive_integer


def deletion(predict, inputs, maps, classes, steps=32, baseline=0.0):
    """Compute how confidence falls as the most relevant pixels are deleted.

    Pixels are set to `baseline` in the order of the map, the largest first. The
    curve is the mean of p_c at fractions 0, 1/steps, ..., 1 of the pixels, the
    AUC its area by the trapezoidal rule: lower is better.

    Petsiuk et al., RISE: Randomized Input Sampling for Explanation of Black-box
    Models, BMVC 2018 (https://arxiv.org/abs/1806.07421).

    Example:

    >>> curve, areas = deletion(model.predict, inputs, maps, classes)
    >>> areas.mean()
    0.21

    Args:
        predict: A function: images `(N, H, W, C)` -> probabilities
            `(N, classes)`, such as `model.predict`.
        inputs: A float32 array `(N, H, W, C)`, standardized as for the model.
        maps: A float array `(N, H, W)`; larger is more relevant.
        classes: N integers: the class whose probability is looked at.
        steps: Integer, the number of steps.
        baseline: What deleted pixels become: a number or an array that
            broadcasts to `inputs`. 0 is the mean colour of standardized images.

    Returns:
        The curves `(N, steps + 1)` and their areas `(N,)`, float32.
    """
    return _curves(predict, inputs, maps, classes, steps, _constant(baseline))


def insertion(predict, inputs, maps, classes, steps=32, baseline=0.0):
    """Compute how confidence rises as the most relevant pixels are inserted.

    As `deletion`, but from an image of `baseline` to the image: higher is
    better. RISE begins from a blurred image, which can be given as `baseline`.

    Petsiuk et al., RISE, BMVC 2018 (https://arxiv.org/abs/1806.07421).

    Args:
        predict: See `deletion`.
        inputs: See `deletion`.
        maps: See `deletion`.
        classes: See `deletion`.
        steps: See `deletion`.
        baseline: What pixels are that are not inserted yet.

    Returns:
        The curves `(N, steps + 1)` and their areas `(N,)`, float32.
    """
    fill = _constant(baseline)
    return _curves(predict, inputs, maps, classes, steps, fill, inserted=True)


def road(predict, inputs, maps, classes, percentiles=(20, 40, 60, 80), seed=0):
    """Compute confidence after the most relevant pixels are imputed (ROAD).

    Removed pixels become the weighted mean of their neighbours, solved for all
    at once, with a little noise: so the shape of what was removed tells the
    model nothing. Most relevant first: lower is better.

    Rong et al., A Consistent and Efficient Evaluation Strategy for Attribution
    Methods, ICML 2022 (https://arxiv.org/abs/2202.00449).

    Args:
        predict: See `deletion`.
        inputs: See `deletion`.
        maps: See `deletion`.
        classes: See `deletion`.
        percentiles: How many percent of the pixels to remove.
        seed: Integer, the seed of the noise.

    Returns:
        The confidences `(N, percentiles)` and their means `(N,)`, float32.
    """
    inputs, maps, classes = _checked(inputs, maps, classes)
    rng = np.random.default_rng(seed)
    order = ranks(maps)
    confidences = []
    for percent in percentiles:
        removed = order < round(maps[0].size * percent / 100)
        imputed = noisy_linear_imputation(inputs, removed, rng)
        confidences.append(_confidence(predict, imputed, classes))
    confidences = np.stack(confidences, axis=1)
    return confidences, confidences.mean(axis=1)


def average_drop(predict, inputs, maps, classes, baseline=0.0):
    """Compute by how much confidence drops if only the map's part is seen.

    With Y = p_c(x) and O = p_c(x * map + baseline * (1 - map)), the map scaled to
    0..1: the mean of max(0, Y - O) / Y. Lower is better.

    Chattopadhay et al., Grad-CAM++, WACV 2018 (https://arxiv.org/abs/1710.11063).

    Args:
        predict: See `deletion`.
        inputs: See `deletion`.
        maps: See `deletion`.
        classes: See `deletion`.
        baseline: What is seen where the map is 0.

    Returns:
        A float32 array `(N,)` with values in 0 to 1.
    """
    whole, part = _whole_and_part(predict, inputs, maps, classes, baseline)
    return np.maximum(0, whole - part) / np.maximum(whole, 1e-12)


def increase_in_confidence(predict, inputs, maps, classes, baseline=0.0):
    """Tell where confidence is higher if only the map's part is seen.

    Chattopadhay et al., Grad-CAM++, WACV 2018 (https://arxiv.org/abs/1710.11063).

    Args:
        predict: See `deletion`.
        inputs: See `deletion`.
        maps: See `deletion`.
        classes: See `deletion`.
        baseline: See `average_drop`.

    Returns:
        A float32 array `(N,)`: 1 where Y < O (see `average_drop`), else 0.
        Higher is better.
    """
    whole, part = _whole_and_part(predict, inputs, maps, classes, baseline)
    return (part > whole).astype("float32")


def predictor(model, batch_size=128):
    """Return the function of images to probabilities that the metrics take.

    Args:
        model: A `keras.Model` whose outputs are probabilities.
        batch_size: Integer, how many images to compute at a time.
    """

    def predict(inputs):
        return np.asarray(model.predict(inputs, batch_size, verbose=0), "float32")

    return predict


def _constant(baseline):
    return lambda inputs: np.broadcast_to(np.asarray(baseline, "float32"), inputs.shape)


def _curves(predict, inputs, maps, classes, steps, fill, inserted=False):
    inputs, maps, classes = _checked(inputs, maps, classes)
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
    inputs, maps, classes = _checked(inputs, maps, classes)
    least = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - least
    shown = ((maps - least) / np.where(span > 0, span, 1))[..., None]
    part = inputs * shown + _constant(baseline)(inputs) * (1 - shown)
    whole = _confidence(predict, inputs, classes)
    return whole, _confidence(predict, part.astype("float32"), classes)


def _confidence(predict, inputs, classes):
    return np.asarray(predict(inputs), "float32")[np.arange(len(classes)), classes]


def _checked(inputs, maps, classes):
    inputs, maps = np.asarray(inputs, "float32"), np.asarray(maps, "float32")
    classes = np.asarray(classes)
    if inputs.ndim != 4 or maps.shape != inputs.shape[:3]:
        raise ValueError(
            "There must be a map (N, H, W) for the images (N, H, W, C). Received: "
            f"inputs of shape {inputs.shape}, maps of shape {maps.shape}"
        )
    if not np.isfinite(maps).all():
        raise ValueError("Maps must be finite. Received: maps with NaN or infinity")
    if classes.shape != inputs.shape[:1] or classes.dtype.kind not in "iu":
        raise ValueError(
            f"`classes` must be {len(inputs)} integers, one an image. "
            f"Received: classes={classes!r}"
        )
    return inputs, maps, classes
