"""Mask patterns: the few maps that the channels of a mask are made of (extra `vis`)."""

import warnings
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from keras_resattn.layers.arguments import positive_integer
from keras_resattn.typing import Array
from keras_resattn_client.extras import require_extra

# Positions to find patterns in: more of them hardly change the patterns.
POSITIONS = 10_000
# The masks of an untrained or dead module: there is nothing to find.
NO_VARIATION = 1e-6
STEPS = 1000
STRONG = 0.9  # quantile


class PatternBasis(NamedTuple):
    """The patterns of a module's masks, found in one image or in many.

    Attributes:
        means: A float32 array `(C,)`, the mean of each channel of the mask.
        raised: A float32 array `(K, C)`: how strongly each pattern raises each channel
            above its mean. The sum over `raised` and `lowered` is 1 for each pattern.
        lowered: A float32 array `(K, C)`: how strongly it lowers the channel.
        shares: A float32 array `(K,)`: each pattern's share of the variance of the
            masks around the means. The highest is first. The rest is in no pattern.
        strong: Float, the sum of all patterns' maps that a tenth of the positions
            exceeds. Figures draw it in full colour.
    """

    means: Array
    raised: Array
    lowered: Array
    shares: Array
    strong: float


class MaskPatterns(NamedTuple):
    """The patterns of a module's masks, and where they are in images.

    Attributes:
        maps: A float32 array `(N, h, w, K)`, 0 or more: how far each pattern moves the
            mask from its mean at each position, averaged over the channels, in units
            of the mask.
        basis: The `PatternBasis`.
    """

    maps: Array
    basis: PatternBasis


def mask_patterns(mask: Array, count: int = 4, seed: int = 0) -> MaskPatterns:
    """Find the patterns that the channels of a module's masks have in common.

    A pattern is a group of channels that are above or below their means at the same
    positions. Different features have different masks; the patterns show it in a few
    maps. They are found by non-negative matrix factorization (scikit-learn) of
    positions and channels: what is above the mean of a channel and what is below it
    are two columns. Patterns found in several images are the same in all of them.

    Example:

    >>> mask = masks(model, inputs)["stage1_attention1"]  # (2, 32, 32, 64)
    >>> patterns = mask_patterns(mask)
    >>> patterns.maps.shape, patterns.basis.shares
    ((2, 32, 32, 4), array([0.25, 0.16, 0.14, 0.12], dtype=float32))

    Args:
        mask: A float array `(N, h, w, C)`, the masks of one or more images.
        count: Integer, the number of patterns.
        seed: Integer, the seed of the choice of positions (of large sets) and of the
            factorization. It hardly changes the patterns.

    Returns:
        `MaskPatterns`, ordered by their shares.

    Raises:
        ImportError: If scikit-learn is not installed.
        ValueError: If `mask` is not an array `(N, h, w, C)`.
    """
    return apply_patterns(mask, fit_patterns([mask], count, seed))


def fit_patterns(masks: Iterable[Array], count: int = 4, seed: int = 0) -> PatternBasis:
    """Find the patterns in the masks of many images, batch by batch.

    At most 10,000 positions per batch are kept, chosen by the seed.

    Args:
        masks: An iterable of float arrays `(N, h, w, C)`, the masks of one module.
        count: See `mask_patterns`.
        seed: See `mask_patterns`.

    Returns:
        A `PatternBasis`, for `apply_patterns`.
    """
    require_patterns()
    count = positive_integer("count", count)
    random = np.random.default_rng(seed)
    kept = [some_positions(mask, random) for mask in masks]
    rows = _some(np.concatenate(kept, axis=2)[0, 0], random)
    means = rows.mean(axis=0, dtype="float64")
    values = _deviations(rows, means)
    weights, components = _factorize(values, count, seed)
    sums = components.sum(axis=1)
    # Weights are least squares, so that these parts of the variance add up.
    explained = (weights * (values @ components.T)).sum(axis=0)
    shares = explained / max(np.square(values).sum(), NO_VARIATION**2)
    order = np.argsort(-shares, kind="stable")
    parts = components / np.where(sums > 0, sums, 1)[:, None]
    raised, lowered = np.split(parts[order].astype("float32"), 2, axis=1)
    totals = weights @ sums / len(means)
    return PatternBasis(
        means.astype("float32"),
        raised,
        lowered,
        shares[order].astype("float32"),
        float(np.quantile(totals, STRONG)),
    )


def apply_patterns(mask: Array, basis: PatternBasis) -> MaskPatterns:
    """Find where the patterns of a basis are in masks.

    The maps of an image do not depend on the other images.

    Args:
        mask: A float array `(N, h, w, C)`.
        basis: The `PatternBasis` of the same module.
    """
    require_patterns()
    _check(mask)
    values = _deviations(mask.reshape(-1, mask.shape[-1]), basis.means)
    parts = np.concatenate([basis.raised, basis.lowered], axis=1, dtype="float64")
    weights = np.zeros((len(values), len(parts)))
    used = parts.any(axis=1)
    if used.any():
        weights[:, used] = _weights(values, parts[used])
    # The parts have the sum 1, so a weight is a sum over the channels.
    maps = (weights / mask.shape[-1]).astype("float32")
    return MaskPatterns(maps.reshape(*mask.shape[:3], -1), basis)


def require_patterns() -> None:
    """Check that patterns can be found, before any work begins."""
    require_extra("vis", "Finding mask patterns", ("sklearn",))


def top_channels(basis: PatternBasis, pattern: int, count: int = 3) -> str:
    """Return the strongest channels of a pattern as text: `"20+ 61- 39+"`.

    `+` means that the pattern raises the channel, `-` that it lowers it.
    """
    raised, lowered = basis.raised[pattern], basis.lowered[pattern]
    strength = np.maximum(raised, lowered)
    order = np.argsort(-strength, kind="stable")[:count]
    return " ".join(
        f"{i}{'+' if raised[i] >= lowered[i] else '-'}" for i in order if strength[i]
    )


def _check(mask: Array) -> None:
    if mask.ndim != 4 or not mask.size:
        raise ValueError(
            "`mask` must have every channel of the masks of images, (N, h, w, C), such "
            f"as masks(...)[module]. Received: an array of shape {mask.shape}"
        )


def some_positions(
    mask: Array, random: np.random.Generator, count: int = POSITIONS
) -> Array:
    """Return some positions of masks as an array `(1, 1, count, C)`, or all."""
    _check(mask)
    rows = np.asarray(mask).reshape(-1, mask.shape[-1])
    return _some(rows, random, count)[None, None]


def _some(rows: Array, random: np.random.Generator, count: int = POSITIONS) -> Array:
    if len(rows) <= count:
        return rows
    return rows[np.sort(random.choice(len(rows), count, replace=False))]


def _deviations(rows: Array, means: Array) -> Array:
    """Return what is above the mean of each channel, and beside it what is below."""
    difference = np.asarray(rows, "float64") - means
    return np.concatenate([difference.clip(0), (-difference).clip(0)], axis=1)


def _factorize(values: Array, count: int, seed: int) -> tuple[Array, Array]:
    """Return weights `(positions, count)` and components `(count, 2 C)`."""
    found = min(count, *values.shape)
    weights = np.zeros((len(values), count))
    components = np.zeros((count, values.shape[1]))
    if values.max() > NO_VARIATION:
        from sklearn.decomposition import NMF

        model = NMF(found, init="nndsvda", random_state=seed, tol=1e-3, max_iter=STEPS)
        weights[:, :found] = _quietly(model.fit_transform, values)
        components[:found] = model.components_
    return weights, components


def _weights(values: Array, components: Array) -> Array:
    """Return the weights of known components, position by position."""
    from sklearn.decomposition import non_negative_factorization

    weights, _, _ = _quietly(
        non_negative_factorization,
        values,
        H=components,
        n_components=len(components),
        update_H=False,
        tol=1e-7,
        max_iter=STEPS,
    )
    return weights


def _quietly(function, *arguments, **options):
    """Call a function of scikit-learn without its warning of too few steps.

    The factors change by less than a figure can show long before `tol` is reached.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Maximum number of iterations")
        return function(*arguments, **options)
