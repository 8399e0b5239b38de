"""The scales of figures: one rule for all of them.

A scale is stated on the figure. It diverges if the values have a middle. What is
compared shares one scale. Values that hardly vary are named, not stretched.
"""

from collections.abc import Iterable
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_resattn.typing import Array

# Perceptually uniform, from dark to light: for values without a middle.
MASK_COLORS = "viridis"
FEATURE_COLORS = "magma"
EVIDENCE_COLORS = "inferno"
# Light in the middle, dark at both ends: for signed features and amplification.
DIVERGING_COLORS = "RdBu_r"
# One colour for each mask pattern. They are distinct with every kind of colour vision.
PATTERN_COLORS = ("#332288", "#DDAA33", "#33BBEE", "#EE6677", "#882255")
PAPER = 0.97  # the grey of positions without a pattern

# A mask or an amplification with a smaller range is called nearly constant.
NEARLY_CONSTANT = 0.02
# A few outliers do not set the ends of a scale.
OUTLIERS = 0.005


class Scale(NamedTuple):
    """The values at both ends of a colour map, and its name."""

    low: float
    high: float
    colors: str

    @property
    def limits(self) -> tuple[float, float]:
        """The values at both ends."""
        return self.low, self.high


def scale_around_mean(maps: Iterable[Array]) -> Scale:
    """Return a diverging scale around the mean of maps, wide enough for all of them.

    Half a percent of the values at each end may be outside the scale. Maps that hardly
    vary get the scale of maps that do, so that they are drawn in one pale colour.
    """
    values = np.concatenate([np.ravel(one) for one in maps])
    values = values[np.isfinite(values)]
    if not len(values):
        return Scale(0, 1, DIVERGING_COLORS)
    middle = float(values.mean())
    ends = np.quantile(values, [OUTLIERS, 1 - OUTLIERS])
    reach = max(float(np.abs(ends - middle).max()), 0.75 * NEARLY_CONSTANT)
    return Scale(middle - reach, middle + reach, DIVERGING_COLORS)


def scales_of_one_width(maps: Sequence[Array]) -> list[Scale]:
    """Return the scale of each map around its own mean, all as wide as the widest.

    So structures can be compared where means are far apart, as with residual and naive
    attention learning.
    """
    scales = [scale_around_mean([one]) for one in maps]
    reach = max(scale.high - scale.low for scale in scales) / 2
    middles = [(scale.low + scale.high) / 2 for scale in scales]
    return [Scale(m - reach, m + reach, DIVERGING_COLORS) for m in middles]


def feature_scale(*maps: Array) -> Scale:
    """Return a scale for features: diverging around 0 if they have both signs."""
    low = min(float(one.min()) for one in maps)
    high = max(float(one.max()) for one in maps)
    if low < 0 < high:
        reach = max(-low, high)
        return Scale(-reach, reach, DIVERGING_COLORS)
    return Scale(low, high, FEATURE_COLORS)


def mask_limits(masks: Iterable[Array]) -> tuple[int, int]:
    """Return the scale of masks: 0 to 1, or -1 to 1 if any value is negative."""
    return (-1 if any(np.min(mask) < 0 for mask in masks) else 0), 1


def range_text(values: Array, unit: str = "") -> str:
    """Return the range of values as text, such as `"1.42x to 1.71x"`."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "no feature"
    text = f"{finite.min():.2f}{unit} to {finite.max():.2f}{unit}"
    return f"nearly constant:\n{text}" if is_nearly_constant(values) else text


def is_nearly_constant(values: Array) -> bool:
    """Return whether a mask or an amplification varies too little to draw lines on."""
    return bool(np.nanmax(values) - np.nanmin(values) < NEARLY_CONSTANT)


def pattern_colors(maps: Array, full: float) -> Array:
    """Return the colours of mask patterns: the hue of the strongest at each position.

    Args:
        maps: A float array `(..., K)`, see `MaskPatterns`.
        full: The sum of the patterns that is drawn in full colour. Positions without
            a pattern are nearly white.

    Returns:
        A float array `(..., 3)` with values in 0 to 1.
    """
    hues = np.array([pattern_color(k) for k in range(maps.shape[-1])])
    weights = np.asarray(maps, "float64") ** 3  # the strongest is clearly seen
    weights /= np.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)
    full = max(full, NEARLY_CONSTANT / 2)
    strength = np.clip(maps.sum(axis=-1, keepdims=True) / full, 0, 1)
    return np.clip(PAPER * (1 - strength) + strength * (weights @ hues), 0, 1)


def pattern_color(k: int) -> tuple[float, float, float]:
    """Return the colour of the pattern with an index. After the last they repeat."""
    from matplotlib.colors import to_rgb  # scales are used without figures as well

    return to_rgb(PATTERN_COLORS[k % len(PATTERN_COLORS)])
