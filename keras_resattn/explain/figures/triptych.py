"""Draw the paper's figure 1: a feature before its mask, the mask, and after it."""

from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from keras_resattn.explain.channels import TEXTS
from keras_resattn.explain.figures.panels import MEDIUM
from keras_resattn.explain.figures.panels import Images
from keras_resattn.explain.figures.panels import below
from keras_resattn.explain.figures.panels import caption
from keras_resattn.explain.figures.panels import check_count
from keras_resattn.explain.figures.panels import color_bar
from keras_resattn.explain.figures.panels import fitted_titles
from keras_resattn.explain.figures.panels import new_figure
from keras_resattn.explain.figures.panels import panel_heights
from keras_resattn.explain.figures.panels import pixels
from keras_resattn.explain.figures.panels import show_image
from keras_resattn.explain.figures.panels import show_map
from keras_resattn.explain.scales import MASK_COLORS
from keras_resattn.explain.scales import Scale
from keras_resattn.explain.scales import feature_scale
from keras_resattn.explain.scales import mask_limits
from keras_resattn.explain.scales import range_text
from keras_resattn.explain.triptych import Triptych
from keras_resattn.typing import Array

TITLES = ("feature before", "mask", "feature after")


def triptych_figure(
    images: Images,
    triptych: Triptych | Iterable[Triptych],
    titles: Sequence[str] | None = None,
) -> Figure:
    """Draw a feature before its mask, the mask, and the feature after it.

    There is one row per image and module. The features before and after share
    a colour scale, which differs between rows. It diverges around 0 if features have
    both signs. The scale of the mask is 0 to 1. The formula of the fusion is printed
    with the range of the ratio of both features. The
    channel is printed above each map, the rule that chose it below the figure.

    Example:

    >>> triptych = feature_triptych(model, inputs, "stage1_attention1")
    >>> triptych_figure(images, triptych).savefig("figure_1.png")

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255, or a list of such images of any sizes.
        triptych: A `Triptych` of the same images, or a list of them for several
            modules.
        titles: Optional list of strings, one per image.

    Returns:
        A `matplotlib.figure.Figure`, not shown.
    """
    triptychs = [triptych] if isinstance(triptych, Triptych) else list(triptych)
    images = pixels(images)
    for one in triptychs:
        check_count("triptych.mask", one.mask, images)
    check_count("titles", titles, images)
    titles = fitted_titles(titles, 1.75, MEDIUM)
    rows = [(i, one) for i in range(len(images)) for one in triptychs]
    heights = panel_heights([images[i] for i, _ in rows], 1.95)
    figure = new_figure(9.4, sum(heights) + 0.5 * len(rows) + 0.4)
    axes = figure.subplots(len(rows), 4, squeeze=False, height_ratios=heights)
    for row, (i, one) in zip(axes, rows, strict=True):
        show_image(row[0], images[i])
        title = "image" if titles is None else titles[i]
        row[0].set_title(f"{title}\n{one.module}", fontsize=MEDIUM)
        _draw_maps(figure, row[1:], images[i].shape[:2], one, i)
    rules = {one.rule: f"{one.rule}: {TEXTS[one.rule]}." for one in triptychs}
    caption(figure, *rules.values())
    return figure


def _draw_maps(figure, axes, size, triptych, i):
    before, mask, after = maps = (
        triptych.before[i],
        triptych.mask[i],
        triptych.after[i],
    )
    features = feature_scale(before, after)
    scale = Scale(*mask_limits([triptych.mask]), MASK_COLORS)
    channel = "all channels"
    if triptych.channels is not None:
        channel = f"channel {triptych.channels[i]}"
    drawn = []
    for j, (axis, one) in enumerate(
        zip(axes, (features, scale, features), strict=True)
    ):
        drawn.append(show_map(axis, maps[j], size, one.colors, one.limits))
        axis.set_title(f"{TITLES[j]}\n{channel}", fontsize=MEDIUM)
    below(axes[1], range_text(mask))
    formula, ratio = fusion(before, mask, after)
    if formula:
        axes[2].set_title(f"{formula}\n{channel}", fontsize=MEDIUM)
        below(axes[2], f"after / before: {range_text(ratio, 'x')}")
    bar = {"fraction": 0.05, "pad": 0.03, "aspect": 15}
    color_bar(figure, drawn[1], axes[1], "mask", **bar)
    color_bar(figure, drawn[2], axes[2], "before and after", **bar)


def fusion(
    before: Array, mask: Array, after: Array
) -> tuple[str, Array] | tuple[None, None]:
    """Return how a channel is fused with its mask, as text, and the ratio of both.

    A mean over channels has no such formula: then both are `None`. They are also `None`
    if the features are too small to tell which formula it is.
    """
    formulas = {
        "after = (1 + mask) x before": 1 + mask,
        "after = mask x before": mask,
    }
    fitting = [
        (formula, ratio)
        for formula, ratio in formulas.items()
        if np.allclose(after, ratio * before, rtol=0.02, atol=1e-3)
    ]
    return fitting[0] if len(fitting) == 1 else (None, None)
