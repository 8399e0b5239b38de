"""Whether maps depend on what a model has learnt."""

import keras
import numpy as np


def parameter_randomization(model, explain, seed=0):
    """Compare maps with those of the model with random weights.

    The model parameter randomization test of Adebayo et al., Sanity Checks for
    Saliency Maps, NeurIPS 2018 (https://arxiv.org/abs/1810.03292), all weights at
    once: kernels, offsets and scales are permuted within themselves, so that their
    distributions stay. Maps that stay alike do not tell of what was learnt.

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
        and after, -1 to 1; 0 where a map is constant. Near 0 is what is hoped for.
    """
    rng = np.random.default_rng(seed)
    copy = keras.models.clone_model(model)
    permuted = [
        rng.permutation(np.ravel(w)).reshape(np.shape(w)) for w in model.get_weights()
    ]
    copy.set_weights(permuted)
    return rank_correlation(explain(model), explain(copy))


def rank_correlation(maps, others):
    """Compute Spearman's rank correlation of maps, image by image.

    Args:
        maps: A float array `(N, H, W)`.
        others: Another.

    Returns:
        A float32 array `(N,)`, -1 to 1; 0 where a map is constant.
    """
    from scipy.stats import rankdata

    one, two = (
        rankdata(np.reshape(array, (len(array), -1)), axis=1)
        for array in (maps, others)
    )
    one, two = (array - array.mean(axis=1, keepdims=True) for array in (one, two))
    norms = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
    return ((one * two).sum(axis=1) / np.where(norms > 0, norms, 1)).astype("float32")
