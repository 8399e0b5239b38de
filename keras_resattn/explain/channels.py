"""Which channel of a mask to look at: rules that are stated."""

import numbers

import numpy as np

# What each rule chooses, as figures print it.
RULES = {
    "energy": "the channel of the highest mean square of mask times feature",
    "variance": "the channel whose mask varies most over the positions",
    "mean": "the channel whose mask has the highest mean",
    "max": "the channel whose mask has the highest value, the first of several",
    "gradient": "the channel whose mask raises the class's score most: mask times "
    "feature times the score's gradient, summed",
}
ALL = "all"
INDEX = "index"
TEXTS = {
    **RULES,
    ALL: "the mean over all channels, of each map by itself",
    INDEX: "the channel that was asked for",
}

# A mask value is saturated where the sigmoid is all but flat.
LOW, HIGH = 0.05, 0.95


def channel_scores(before, mask, rule="energy", gradient=None):
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
            the sum over the positions of mask times feature times gradient: to
            first order, by how much the mask raises the class's score.
        gradient: With the rule `"gradient"`: a float array of the same shape,
            the gradient of a class's score by the feature after the mask.

    Returns:
        A float64 array `(N, C)`.

    Raises:
        ValueError: If there is no such rule, or the gradient is missing.
    """
    if rule not in RULES:
        raise ValueError(
            f"A channel is chosen by one of the rules {list(RULES)}, by its index, or "
            f"it is {ALL!r} of them. Received: channel={rule!r}"
        )
    if rule == "gradient" and gradient is None:
        raise ValueError(
            "The rule 'gradient' needs the gradient of a class's score. Received: "
            "gradient=None"
        )
    axes = (1, 2)
    before, mask = np.asarray(before, "float64"), np.asarray(mask, "float64")
    if rule == "energy":
        return np.square(mask * before).mean(axes)
    if rule == "gradient":
        return (mask * before * np.asarray(gradient, "float64")).sum(axes)
    return {"variance": np.var, "mean": np.mean, "max": np.max}[rule](mask, axes)


def choose_channels(before, mask, channel="energy", gradient=None):
    """Choose a channel of each image's mask, by a rule or an index.

    Args:
        before: A float array `(N, h, w, C)`, the feature before the mask.
        mask: A float array of the same shape, the mask.
        channel: A rule of `channel_scores`, of which the highest is taken; or
            an integer from 0 to `C - 1`.
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
            f"This mask has {count} channels, 0 to {count - 1}; give one of them, or a "
            f"rule of {list(RULES)}. Received: channel={channel!r}"
        )
    return np.full(len(mask), channel, "int64")


def saturation(mask):
    """Return the share of a mask's positions that are saturated, by channel.

    Saturated is a value under 0.05 or over 0.95: there the sigmoid is flat,
    and the mask hardly depends on the image.

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
