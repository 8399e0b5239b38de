"""Maps of one image as HTML, in the colours and on the scales of the figures."""

import numpy as np

from keras_resattn.explain import pictures
from keras_resattn.explain.figures.triptych import TITLES
from keras_resattn.explain.figures.triptych import fusion
from keras_resattn.explain.patterns import PatternBasis
from keras_resattn.explain.scales import MASK_COLORS
from keras_resattn.explain.scales import Scale
from keras_resattn.explain.scales import feature_scale
from keras_resattn.explain.scales import mask_limits
from keras_resattn.explain.scales import pattern_color
from keras_resattn.explain.scales import pattern_colors
from keras_resattn.explain.scales import range_text
from keras_resattn.explain.triptych import Triptych
from keras_resattn.typing import Array


def amplification_picture(values: Array, scale: Scale, title: str) -> str:
    """Return the HTML of an amplification `(h, w)`, with its range."""
    text = range_text(values, "x").replace("\n", " ")
    colored = pictures.colors(values, scale.limits, scale.colors)
    picture = pictures.picture(colored, f"{title}, {text}", "smooth", compact=True)
    return pictures.figure(picture, title, text)


def amplification_scale(scale: Scale) -> str:
    """Return the HTML of the colour bar of an amplification."""
    ends = [f"{end:.2f}x" for end in scale.limits]
    return pictures.scale("Amplification", ends, scale.colors)


def pattern_picture(maps: Array, basis: PatternBasis, title: str) -> str:
    """Return the HTML of the mask patterns `(h, w, K)` of an image, in one picture."""
    colored = np.round(255 * pattern_colors(maps, basis.strong)).astype("uint8")
    return pictures.figure(
        pictures.picture(colored, title, "smooth", compact=True), title
    )


def pattern_key(basis: PatternBasis) -> str:
    """Return the HTML of the colours of patterns, with their shares of the variance."""
    items = []
    for k, share in enumerate(basis.shares):
        color = " ".join(str(round(255 * part)) for part in pattern_color(k))
        box = f'<span class="box" style="background: rgb({color})"></span>'
        items.append(f"<span>{box} {k + 1}: {share:.0%}</span>")
    return f'<div class="key">Mask patterns {" ".join(items)}</div>'


def triptych_pictures(
    triptych: Triptych,
    which: str,
    mask_ends: tuple[float, float] | None = None,
    compact: bool = False,
) -> str:
    """Return the HTML of the paper's figure 1 for one image: before, mask, after.

    The scales are those of `triptych_figure`.

    Args:
        triptych: A `Triptych` of one image.
        which: String, the channel that is shown.
        mask_ends: The values at the ends of the mask's colours. Defaults to the limits
            of this mask.
        compact: Boolean, see `keras_resattn.explain.pictures.picture`.
    """
    maps = before, mask, after = [part[0] for part in triptych[:3]]
    features = feature_scale(before, after)
    low, high = mask_ends or mask_limits([mask])
    scales = (features, Scale(low, high, MASK_COLORS), features)
    formula, ratio = fusion(before, mask, after)
    lines = []
    if formula is not None and ratio is not None:
        lines = [formula, f"ratio: {range_text(ratio, 'x')}"]
    shown = []
    for i, (values, scale) in enumerate(zip(maps, scales, strict=True)):
        of_values = range_text if TITLES[i] == "mask" else pictures.value_range
        text = of_values(values).replace("\n", " ")
        colored = pictures.colors(values, scale.limits, scale.colors)
        alt = f"{TITLES[i]}, {which}, {text}"
        picture = pictures.picture(colored, alt, "cells", compact)
        more = [line.replace("\n", " ") for line in lines] if i == 2 else []
        shown.append(pictures.figure(picture, TITLES[i], which, text, *more))
    bar = pictures.scale("Features", features.limits, features.colors)
    return f'<div class="triptych">{"".join(shown)}</div>{bar}'
