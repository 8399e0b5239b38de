"""Metrics of maps alone: how sparse they are, and how stable under noise."""

from collections.abc import Callable

import numpy as np

from keras_resattn.explain.inputs import as_array
from keras_resattn.explain.inputs import as_maps
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.typing import Array


def sparseness(maps: Array) -> Array:
    """Return the Gini index of the absolute values of maps.

    0: all positions have the same value. Near 1: one position has everything.

    Example:

    >>> sparseness(np.eye(4)[None])
    array([0.75])

    Args:
        maps: A float array `(N, H, W)`.

    Returns:
        A float64 array `(N,)`. It is 0 for a map of zeros.

    Reference: Chalasani et al., Concise Explanations of Neural Networks using
    Adversarial Training, 2020.
    """
    values = np.sort(np.abs(_flat(maps)))
    count = values.shape[1]
    ranks = 2 * np.arange(1, count + 1) - count - 1
    totals = values.sum(axis=1)
    return (values @ ranks) / np.where(totals > 0, count * totals, 1)


def max_sensitivity(
    explain: Callable[[Array], Array],
    inputs: Array,
    radius: float = 0.2,
    samples: int = 10,
    seed: int = 0,
) -> Array:
    """Return the largest relative change of maps under uniform noise.

    Example:

    >>> max_sensitivity(lambda x: integrated_gradients(model, x), inputs).shape
    (2,)

    Args:
        explain: A function from inputs `(N, H, W, C)` to maps `(N, H, W)`.
        inputs: A float32 array `(N, H, W, C)`.
        radius: Float, the noise is uniform in `-radius` to `radius`.
        samples: Integer, the number of noisy copies of each image.
        seed: Integer, the seed of the noise.

    Returns:
        A float64 array `(N,)`: the maximum of
        `norm(explain(x + noise) - explain(x)) / norm(explain(x))`.

    Reference: Yeh et al., On the (In)fidelity and Sensitivity of Explanations, 2019.
    """
    random = np.random.default_rng(seed)
    inputs = as_array(inputs)
    first = _flat(explain(inputs))
    lengths = np.linalg.norm(first, axis=1)
    worst = np.zeros(len(inputs))
    for _ in range(positive_integer("samples", samples)):
        noise = random.uniform(-radius, radius, inputs.shape).astype("float32")
        change = np.linalg.norm(_flat(explain(inputs + noise)) - first, axis=1)
        worst = np.maximum(worst, change / np.where(lengths > 0, lengths, 1))
    return worst


def _flat(maps: Array) -> Array:
    maps = as_maps(maps).astype("float64")
    return maps.reshape(len(maps), -1)
