"""Draw the channels of one mask separately, in pages, sorted."""

import math
from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from keras_resattn.explain.channels import HIGH
from keras_resattn.explain.channels import LOW
from keras_resattn.explain.channels import saturation
from keras_resattn.explain.figures.panels import SMALL
from keras_resattn.explain.figures.panels import caption
from keras_resattn.explain.figures.panels import color_bar
from keras_resattn.explain.figures.panels import new_figure
from keras_resattn.explain.figures.panels import show_map
from keras_resattn.explain.scales import MASK_COLORS
from keras_resattn.explain.scales import mask_limits
from keras_resattn.layers.arguments import choice
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.typing import Array

# The sort keys of channels: the highest first, except for the index.
ORDERS: dict[str, Callable[[Array], Array]] = {
    "variance": lambda mask: -mask.var((0, 1)),
    "mean": lambda mask: -mask.mean((0, 1)),
    "max": lambda mask: -mask.max((0, 1)),
    "saturation": lambda mask: -saturation(mask),
    "index": lambda mask: np.arange(mask.shape[-1]),
}
SATURATED = f"below {LOW} or above {HIGH}"


def channel_pages(channels: int, per_page: int = 48) -> int:
    """Return the number of pages of `channel_grid_figure` for a number of channels."""
    return math.ceil(channels / positive_integer("per_page", per_page))


def channel_grid_figure(
    mask: Array,
    module: str,
    page: int = 1,
    per_page: int = 48,
    columns: int = 8,
    sort: str = "variance",
) -> Figure:
    """Draw each channel of the mask of one image, on a scale from 0 to 1.

    Printed above each channel are its index, its mean and the share of saturated
    positions. A value below 0.05 or above 0.95 is saturated: the mask hardly depends
    on the image there.

    Example:

    >>> mask = masks(model, inputs)["stage1_attention1"][0]  # (32, 32, 64)
    >>> channel_grid_figure(mask, "stage1_attention1").savefig("channels.png")

    Args:
        mask: A float array `(h, w, C)`, the mask of one image.
        module: String, the name of the module, for the title.
        page: Integer, the number of the page. The first page is 1.
        per_page: Integer, channels per page.
        columns: Integer, channels per row.
        sort: The sort key: `"variance"`, `"mean"` or `"max"` of the values, or
            `"saturation"`, the highest first; or `"index"`, the lowest first.

    Returns:
        A `matplotlib.figure.Figure`, not shown.

    Raises:
        ValueError: If there is no such page or sort key, or `mask` is not the mask
            of one image.
    """
    choice("sort", sort, ORDERS)
    mask = np.asarray(mask, "float32")
    if mask.ndim != 3:
        raise ValueError(
            "`mask` must be the mask of one image, (h, w, C), such as masks(...)"
            f"[module][0]. Received: an array of shape {mask.shape}"
        )
    pages = channel_pages(mask.shape[-1], per_page)
    if not 1 <= positive_integer("page", page) <= pages:
        raise ValueError(
            f"`page` must be an integer from 1 to {pages}. Received: page={page}"
        )
    order = np.argsort(ORDERS[sort](mask), kind="stable")
    chosen = order[(page - 1) * per_page : page * per_page]
    columns = min(positive_integer("columns", columns), len(chosen))
    figure = _mosaic_figure(mask, chosen, columns)
    figure.suptitle(
        f"{module}: channels by {sort}, page {page} of {pages}", fontsize=SMALL + 2
    )
    caption(figure, _key(mask))
    return figure


def _key(mask):
    """Return what the texts above the channels are."""
    if not _has_saturation(mask):
        return "Above each channel: its index and its mean."
    return (
        "Above each channel: its index, its mean, and the share of saturated positions "
        f"({SATURATED}). Share in all {mask.shape[-1]} channels: "
        f"{saturation(mask).mean():.0%}."
    )


def _has_saturation(mask):
    """Return whether a mask is that of a sigmoid, not the normalized one, -1 to 1."""
    return mask.min() >= 0


def _mosaic_figure(mask, chosen, columns):
    """Draw channels in one panel, because dozens of panels would take seconds."""
    height, width = mask.shape[:2]
    rows = math.ceil(len(chosen) / columns)
    # The spaces between channels, in cells of the mask: for two lines of text.
    gap, line = 0.08 * width, 0.38 * width
    figure = new_figure(
        max(1.15 * columns + 0.9, 4.5),  # wide enough for the title
        1.15 * rows * (height + line) / (width + gap) + 0.8,
    )
    axis = figure.subplots()
    shares, limits = saturation(mask), mask_limits([mask])
    for i, channel in enumerate(chosen):
        values = mask[..., channel]
        left = i % columns * (width + gap)
        top = i // columns * (height + line) + line
        drawn = show_map(axis, values, (height, width), MASK_COLORS, limits)
        drawn.set_extent((left, left + width, top + height, top))
        text = f"{channel}\n{values.mean():.2f}"
        if _has_saturation(mask):
            text += f", {shares[channel]:.0%}"
        place = (left + width / 2, top - 0.03 * width)
        axis.text(*place, text, fontsize=7, ha="center", va="bottom")
    axis.set_xlim(0, columns * (width + gap) - gap)
    axis.set_ylim(rows * (height + line), 0)
    bar = {"shrink": min(1, 3 / rows), "pad": 0.01, "aspect": 20}
    color_bar(figure, drawn, axis, "mask", **bar)
    return figure
