"""The channels of one mask, each by itself: paged and sorted."""

import math

import numpy as np

from keras_resattn.explain.channels import HIGH
from keras_resattn.explain.channels import LOW
from keras_resattn.explain.channels import saturation
from keras_resattn.explain.figures.panels import MASK_COLORS
from keras_resattn.explain.figures.panels import SMALL
from keras_resattn.explain.figures.panels import caption
from keras_resattn.explain.figures.panels import color_bar
from keras_resattn.explain.figures.panels import mask_limits
from keras_resattn.explain.figures.panels import new_figure
from keras_resattn.explain.figures.panels import show_map
from keras_resattn.layers.arguments import choice
from keras_resattn.layers.arguments import positive_integer

# What the channels can be sorted by: the highest first, but for the index.
ORDERS = {
    "variance": lambda mask: -mask.var((0, 1)),
    "mean": lambda mask: -mask.mean((0, 1)),
    "max": lambda mask: -mask.max((0, 1)),
    "saturation": lambda mask: -saturation(mask),
    "index": lambda mask: np.arange(mask.shape[-1]),
}
SATURATED = f"under {LOW} or over {HIGH}"


def channel_pages(channels, per_page=48):
    """Return how many pages `channel_grid_figure` has for that many channels."""
    return math.ceil(channels / positive_integer("per_page", per_page))


def channel_grid_figure(mask, module, page=1, per_page=48, columns=8, sort="variance"):
    """Draw the channels of one image's mask, each by itself, on 0 to 1.

    Over each are its index, its mean and the share of its positions that are
    saturated: under 0.05 or over 0.95, where the mask hardly depends on the
    image.

    Example:

    >>> mask = masks(model, inputs)["stage1_attention1"][0]  # (32, 32, 64)
    >>> channel_grid_figure(mask, "stage1_attention1").savefig("channels.png")

    Args:
        mask: A float array `(h, w, C)`, the mask of one image.
        module: String, the name of the module, to be printed.
        page: Integer from 1, which page of the channels.
        per_page: Integer, how many channels a page has.
        columns: Integer, how many of them a row has.
        sort: What they are sorted by, the highest first: `"variance"`,
            `"mean"` or `"max"` of their values, `"saturation"`, or `"index"`,
            the lowest first.

    Returns:
        A `matplotlib.figure.Figure`, not shown.

    Raises:
        ValueError: If there is no such page or order, or `mask` is no mask of
            one image.
    """
    choice("sort", sort, ORDERS)
    mask = np.asarray(mask, "float32")
    if mask.ndim != 3:
        raise ValueError(
            "The grid shows the mask of one image, (h, w, C), such as masks(...)"
            f"[module][0]. Received: an array of shape {mask.shape}"
        )
    pages = channel_pages(mask.shape[-1], per_page)
    if not 1 <= positive_integer("page", page) <= pages:
        raise ValueError(
            f"These channels have {pages} pages, from 1. Received: page={page}"
        )
    order = np.argsort(ORDERS[sort](mask), kind="stable")
    chosen = order[(page - 1) * per_page : page * per_page]
    columns = min(positive_integer("columns", columns), len(chosen))
    figure = _mosaic_figure(mask, chosen, columns)
    figure.suptitle(
        f"{module}: channels by {sort}, page {page} of {pages}", fontsize=SMALL + 2
    )
    caption(
        figure,
        "Over each: channel; mean, and share of positions that are saturated "
        f"({SATURATED}); of all {mask.shape[-1]} channels "
        f"{saturation(mask).mean():.0%}.",
    )
    return figure


def _mosaic_figure(mask, chosen, columns):
    """Draw channels as one picture: dozens of panels would take seconds."""
    height, width = mask.shape[:2]
    rows = math.ceil(len(chosen) / columns)
    # Between the channels, in cells of the mask: room for a line or two.
    gap, line = 0.08 * width, 0.38 * width
    figure = new_figure(
        max(1.15 * columns + 0.9, 4.5),  # the title has its width
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
        text = f"{channel}\n{values.mean():.2f}, {shares[channel]:.0%}"
        place = (left + width / 2, top - 0.03 * width)
        axis.text(*place, text, fontsize=7, ha="center", va="bottom")
    axis.set_xlim(0, columns * (width + gap) - gap)
    axis.set_ylim(rows * (height + line), 0)
    bar = {"shrink": min(1, 3 / rows), "pad": 0.01, "aspect": 20}
    color_bar(figure, drawn, axis, "mask", **bar)
    return figure
