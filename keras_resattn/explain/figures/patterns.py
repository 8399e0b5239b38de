"""Draw mask patterns: together in one picture, and apart."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from keras_resattn.explain.figures.panels import SMALL
from keras_resattn.explain.figures.panels import Images
from keras_resattn.explain.figures.panels import below
from keras_resattn.explain.figures.panels import caption
from keras_resattn.explain.figures.panels import check_count
from keras_resattn.explain.figures.panels import extent
from keras_resattn.explain.figures.panels import fitted_titles
from keras_resattn.explain.figures.panels import new_figure
from keras_resattn.explain.figures.panels import panel_heights
from keras_resattn.explain.figures.panels import pixels
from keras_resattn.explain.figures.panels import show_image
from keras_resattn.explain.figures.panels import show_map
from keras_resattn.explain.patterns import MaskPatterns
from keras_resattn.explain.patterns import PatternBasis
from keras_resattn.explain.patterns import top_channels
from keras_resattn.explain.resizing import resized
from keras_resattn.explain.scales import PAPER
from keras_resattn.explain.scales import pattern_color
from keras_resattn.explain.scales import pattern_colors
from keras_resattn.typing import Array

WIDTH = 1.75  # inches of a panel
# The grey image below the colours: faint enough that they keep their lightness.
SHADE = 0.35


def pattern_figure(
    images: Images,
    patterns: MaskPatterns,
    module: str,
    titles: Sequence[str] | None = None,
) -> Figure:
    """Draw the mask patterns of one module: together, and each apart.

    Above each pattern are its share of the variance and its strongest channels: `+`
    means that the pattern raises the channel's mask, `-` that it lowers it. All
    patterns are on one scale.

    Example:

    >>> patterns = mask_patterns(masks(model, inputs)["stage1_attention1"])
    >>> pattern_figure(images, patterns, "stage1_attention1").savefig("patterns.png")

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255, or a list of such images of any sizes.
        patterns: The `MaskPatterns` of the same images.
        module: String, the name of the module, for the title.
        titles: Optional list of strings, one per image.

    Returns:
        A `matplotlib.figure.Figure`, not shown.
    """
    images = pixels(images)
    check_count("patterns.maps", patterns.maps, images)
    check_count("titles", titles, images)
    titles = fitted_titles(titles, WIDTH - 0.1, SMALL)
    lines = max((title.count("\n") + 1 for title in titles or ()), default=1)
    basis, count = patterns.basis, patterns.maps.shape[-1]
    heights = panel_heights(images, WIDTH)
    figure = new_figure(
        WIDTH * (2 + count), sum(heights) + (0.15 + 0.1 * lines) * len(images) + 1.1
    )
    shape = (len(images), 2 + count)
    axes = figure.subplots(*shape, squeeze=False, height_ratios=heights)
    top = max(float(patterns.maps.max()), basis.strong)
    for row, image, maps in zip(axes, images, patterns.maps, strict=True):
        show_image(row[0], image)
        show_patterns(basis.strong, row[1], image, maps)
        for k in range(count):
            ends = [(PAPER,) * 3, pattern_color(k)]
            colors = LinearSegmentedColormap.from_list("pattern", ends)
            one, size = maps[..., k], image.shape[:2]
            show_map(row[2 + k], one, size, colors, (0, top), interpolation="bilinear")
            below(row[2 + k], f"{one.min():.2f} to {one.max():.2f}")
    for i, title in enumerate(titles or ()):
        axes[i, 0].set_title(title, fontsize=SMALL)
    axes[0, 1].set_title(f"all {count} patterns", fontsize=SMALL)
    for k in range(count):
        text = f"pattern {k + 1}: {basis.shares[k]:.0%}\n{top_channels(basis, k)}"
        axes[0, 2 + k].set_title(text, fontsize=SMALL)
    figure.suptitle(f"{module}: mask patterns", fontsize=SMALL + 2)
    caption(
        figure,
        "Above each pattern: its share of the variance of the mask, and the channels "
        "that it raises (+) or lowers (-) most. Below: how far it moves the mask from "
        f"its mean, averaged over the channels. Full colour: {top:.2f}.",
    )
    return figure


def show_patterns(full: float, axis: Axes, image: Array, maps: Array) -> None:
    """Draw the patterns of one image in colours, on the image in grey."""
    size = image.shape[:2]
    large = np.moveaxis(resized(np.moveaxis(maps, -1, 0), size), 0, -1)
    grey = image.mean(axis=-1, keepdims=True)
    colors = pattern_colors(large.clip(0), full) * (1 - SHADE * (1 - grey))
    axis.set_axis_off()
    axis.imshow(colors, extent=extent(size), interpolation="bilinear")


def pattern_key(basis: PatternBasis, axis: Axes) -> None:
    """Draw the colour of each pattern with its share of the variance below it."""
    axis.set(xlim=(0, len(basis.shares)), ylim=(0, 1))
    for k, share in enumerate(basis.shares):
        axis.add_patch(Rectangle((k + 0.1, 0.55), 0.8, 0.3, color=pattern_color(k)))
        text = axis.text(k + 0.5, 0.42, f"{share:.0%}", fontsize=SMALL - 1)
        text.set(ha="center", va="top")
