"""Measure whether maps depend on what a model has learnt."""

from collections.abc import Callable

import keras
import numpy as np

from keras_resattn.explain.inputs import as_maps
from keras_resattn.typing import Array
from keras_resattn.views.flat import copy_with_weights
from keras_resattn.views.graph import flatten_layers
from keras_resattn.views.outputs import keep_takes_pixels
from keras_resattn_client.extras import require_extra


def parameter_randomization(
    model: keras.Model, explain: Callable[[keras.Model], Array], seed: int = 0
) -> Array:
    """Compare the maps of a model with those of the same model with permuted weights.

    This is the model parameter randomization test of Adebayo et al., Sanity Checks
    for Saliency Maps, NeurIPS 2018 (https://arxiv.org/abs/1810.03292), for all weights
    at once. The values of each kernel, offset and scale are permuted, which keeps
    their distribution. Layers of preprocessing, such as `Normalization`, stay. Maps
    that stay similar do not depend on what was learnt.

    Example:

    >>> explain = lambda model: class_evidence(model, inputs, classes=classes)
    >>> parameter_randomization(model, explain).mean()
    0.1

    Args:
        model: A `keras.Model`. It is not changed.
        explain: A function: a model -> maps `(N, H, W)`.
        seed: Integer, the seed of the permutations.

    Returns:
        A float32 array `(N,)`: Spearman's rank correlation of the maps before
        and after, -1 to 1, or 0 where a map is constant. Values near 0 are better.

    Raises:
        ImportError: If SciPy is not installed (extra `vis`).
    """
    require_extra("vis", "The rank correlation of maps", ("scipy",))
    rng = np.random.default_rng(seed)
    copy = keep_takes_pixels(model, copy_with_weights(model))
    kept = {
        id(variable)
        for layer in flatten_layers(copy)
        if hasattr(layer, "finalize_state")
        for variable in layer.variables
    }
    for variable in copy.weights:
        if id(variable) not in kept:
            values = keras.ops.convert_to_numpy(variable.value)
            permuted = rng.permutation(np.ravel(values))
            variable.assign(permuted.reshape(values.shape))
    return rank_correlation(explain(model), explain(copy))


def rank_correlation(maps: Array, others: Array) -> Array:
    """Compute Spearman's rank correlation of two maps for each image.

    Args:
        maps: A float array `(N, H, W)`.
        others: A float array of the same shape.

    Returns:
        A float32 array `(N,)`, -1 to 1, or 0 where a map is constant.

    Raises:
        ImportError: If SciPy is not installed (extra `vis`).
    """
    require_extra("vis", "The rank correlation of maps", ("scipy",))
    from scipy.stats import rankdata

    maps, others = as_maps(maps), as_maps(others)
    if maps.shape != others.shape:
        raise ValueError(
            "Maps can be compared if they have the same shape. Received: shapes "
            f"{maps.shape} and {others.shape}"
        )
    one, two = (
        rankdata(array.reshape(len(array), -1), axis=1) for array in (maps, others)
    )
    one, two = (array - array.mean(axis=1, keepdims=True) for array in (one, two))
    norms = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
    return ((one * two).sum(axis=1) / np.where(norms > 0, norms, 1)).astype("float32")
