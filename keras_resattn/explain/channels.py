"""Choose a channel of a mask to show, by a stated rule."""

import numbers
from collections.abc import Callable

import numpy as np

from keras_resattn.typing import Array

# The channel that each rule chooses, as figures print it.
RULES = {
    "energy": "the channel with the highest mean square of mask times feature",
    "variance": "the channel whose mask varies most over the positions",
    "mean": "the channel whose mask has the highest mean",
    "max": "the channel whose mask has the highest value (the first one in a tie)",
    "gradient": "the channel whose mask raises the score of the class most: the sum of "
    "mask times feature times gradient of the score",
}
NAMES = ", ".join(map(repr, RULES))
ALL = "all"
INDEX = "index"
TEXTS = {
    **RULES,
    ALL: "the mean over all channels, for each map separately",
    INDEX: "the channel with the given index",
}

# Below and above these values the sigmoid is almost flat: the mask is saturated.
LOW, HIGH = 0.05, 0.95


def channel_scores(
    before: Array, mask: Array, rule: str = "variance", gradient: Array | None = None
) -> Array:
    """Score every channel of a mask by a rule.

    Example:

    >>> features = np.random.rand(2, 8, 8, 16)
    >>> channel_scores(features, np.random.rand(2, 8, 8, 16), "variance").shape
    (2, 16)

    Args:
        before: A float array `(N, h, w, C)`, the feature before the mask.
        mask: A float array of the same shape, the mask.
        rule: `"energy"`, the mean square of mask times feature; `"variance"`,
            `"mean"` or `"max"` of the mask over its positions; `"gradient"`,
            the sum over the positions of mask times feature times gradient. This
            is the first-order effect of the mask on the score of the class.
        gradient: With the rule `"gradient"`: a float array of the same shape,
            the gradient of a class score with respect to the feature after the
            mask.

    Returns:
        A float64 array `(N, C)`.

    Raises:
        ValueError: If the rule is unknown, or its gradient is missing.
    """
    if rule not in RULES:
        raise ValueError(
            f"`channel` must be one of the rules {NAMES}, the index of a channel, "
            f"or {ALL!r}. Received: channel={rule!r}"
        )
    if rule == "gradient" and gradient is None:
        raise ValueError(
            "The rule 'gradient' needs the gradient of a class score. Pass it as "
            "`gradient`. Received: gradient=None"
        )
    axes = (1, 2)
    before, mask = np.asarray(before, "float64"), np.asarray(mask, "float64")
    if rule == "energy":
        return np.square(mask * before).mean(axes)
    if rule == "gradient":
        return (mask * before * np.asarray(gradient, "float64")).sum(axes)
    statistics: dict[str, Callable[..., Array]] = {
        "variance": np.var,
        "mean": np.mean,
        "max": np.max,
    }
    return statistics[rule](mask, axes)


def choose_channels(
    before: Array,
    mask: Array,
    channel: str | int = "variance",
    gradient: Array | None = None,
) -> Array:
    """Choose a channel of the mask of each image, by a rule or an index.

    Args:
        before: A float array `(N, h, w, C)`, the feature before the mask.
        mask: A float array of the same shape, the mask.
        channel: A rule of `channel_scores`, which chooses the channel with the
            highest score. Or an index, an integer from 0 to `C - 1`.
        gradient: See `channel_scores`.

    Returns:
        An int64 array `(N,)`.

    Raises:
        ValueError: If there is no such rule or channel.
    """
    if isinstance(channel, str):
        return channel_scores(before, mask, channel, gradient).argmax(axis=-1)
    count = mask.shape[-1]
    is_integer = isinstance(channel, numbers.Integral) and not isinstance(channel, bool)
    if not is_integer or not 0 <= channel < count:
        raise ValueError(
            f"This mask has {count} channels, 0 to {count - 1}. Choose one of them, or "
            f"one of the rules {NAMES}. Received: channel={channel!r}"
        )
    return np.full(len(mask), channel, "int64")


def saturation(mask: Array) -> Array:
    """Return the share of saturated positions in each channel of a mask.

    A value below 0.05 or above 0.95 is saturated: the sigmoid is almost flat there,
    so the mask hardly depends on the image.

    Example:

    >>> saturation(np.full((1, 8, 8, 16), 0.99)).shape
    (1, 16)

    Args:
        mask: A float array `(..., h, w, C)`.

    Returns:
        A float64 array `(..., C)` with values in 0 to 1.
    """
    mask = np.asarray(mask)
    return ((mask < LOW) | (mask > HIGH)).mean(axis=(-3, -2))
