"""Draw where modules amplify, and the patterns of their masks: the default figure."""

import functools
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from keras_resattn.explain.figures.panels import SMALL
from keras_resattn.explain.figures.panels import Images
from keras_resattn.explain.figures.panels import below
from keras_resattn.explain.figures.panels import caption
from keras_resattn.explain.figures.panels import check_count
from keras_resattn.explain.figures.panels import fitted_titles
from keras_resattn.explain.figures.panels import new_figure
from keras_resattn.explain.figures.panels import panel_heights
from keras_resattn.explain.figures.panels import pixels
from keras_resattn.explain.figures.panels import show_image
from keras_resattn.explain.figures.panels import show_map
from keras_resattn.explain.figures.patterns import pattern_key
from keras_resattn.explain.figures.patterns import show_patterns
from keras_resattn.explain.patterns import MaskPatterns
from keras_resattn.explain.scales import Scale
from keras_resattn.explain.scales import range_text
from keras_resattn.explain.scales import scale_around_mean
from keras_resattn.typing import Array

# Deep networks have dozens of modules, more than fit on a page side by side.
COLUMNS = 6
WIDTH = 1.75  # inches of a panel
KEY = 0.45  # inches of the row of keys below each column
AMPLIFICATION = (
    "Amplification: length of the feature after the mask, divided by its length before "
    "it. White is the module's mean, red is amplified more, blue less."
)
PATTERNS = (
    "Mask patterns: groups of channels whose masks are above or below their means at "
    "the same positions, one colour each, with their shares of the variance. Pale: no "
    "pattern is strong there."
)


class _Column(NamedTuple):
    """One column of panels: the maps of a module, and how they are drawn."""

    title: str
    maps: Array
    draw: Callable[[Axes, Array, Array], None]  # of an axis, an image and its map
    draw_key: Callable[[Axes], None]


def attention_figure(
    images: Images,
    amplification: Mapping[str, Array] | None = None,
    patterns: Mapping[str, MaskPatterns] | None = None,
    titles: Sequence[str] | None = None,
    scales: Mapping[str, Scale] | None = None,
) -> Figure:
    """Draw where each module amplifies features, and the patterns of its masks.

    There is one row per image. A module has one scale for all images: its
    amplification is drawn around its own mean, and a pattern has one colour.

    Example:

    >>> images = folder.images(["shirt.png", "boot.png"])
    >>> inputs = folder.preprocessing.standardize(images)
    >>> every = masks(folder.model, inputs)
    >>> patterns = {name: mask_patterns(mask) for name, mask in every.items()}
    >>> maps = amplification(folder.model, inputs)
    >>> attention_figure(images, maps, patterns).savefig("attention.png")

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255, or a list of such images of any sizes.
        amplification: Optional dictionary from the names of modules to arrays
            `(N, h, w)`, see `amplification`. Without it, only patterns are drawn.
        patterns: Optional dictionary from the names of modules to their
            `MaskPatterns`. Without it, only the amplification is drawn.
        titles: Optional list of strings, one per image.
        scales: Optional dictionary from the names of modules to the scales of their
            amplification. Defaults to scales that fit these images.

    Returns:
        A `matplotlib.figure.Figure`, not shown.

    Raises:
        ValueError: If there is neither amplification nor a pattern.
    """
    images = pixels(images)
    check_count("titles", titles, images)
    titles = fitted_titles(titles, WIDTH - 0.1, SMALL)
    columns = _columns(amplification or {}, patterns or {}, scales or {})
    for column in columns:
        check_count(column.title, column.maps, images)
    blocks = [columns[i : i + COLUMNS] for i in range(0, len(columns), COLUMNS)]
    heights = [*panel_heights(images, WIDTH), KEY] * len(blocks)
    lines = max((title.count("\n") + 1 for title in titles or ()), default=1)
    gaps = ((0.15 + 0.17 * lines) * len(images) + 0.35) * len(blocks) + 0.9
    wide = 1 + max(len(block) for block in blocks)
    figure = new_figure(max(WIDTH * wide, 4.5), sum(heights) + gaps)
    axes = figure.subplots(len(heights), wide, squeeze=False, height_ratios=heights)
    for axis in axes.flat:
        axis.set_axis_off()
    rows = len(images) + 1
    for i, block in enumerate(blocks):
        part = axes[i * rows : (i + 1) * rows]
        _draw_images(part[:, 0], images, titles)
        for j, column in enumerate(block):
            _draw_column(part[:, j + 1], images, column)
    texts = {AMPLIFICATION: amplification, PATTERNS: patterns}
    caption(figure, *(text for text, drawn in texts.items() if drawn))
    return figure


def _columns(amplification, patterns, scales):
    columns = []
    for name in {**amplification, **patterns}:
        if name in amplification:
            scale = scales.get(name) or scale_around_mean(amplification[name])
            columns.append(_amplification_column(name, amplification[name], scale))
        if name in patterns:
            columns.append(_pattern_column(name, patterns[name]))
    if not columns:
        raise ValueError(
            "Pass `amplification`, `patterns` or both, of at least one module. "
            f"Received: amplification={amplification}, patterns={patterns}"
        )
    return columns


def _amplification_column(name, maps, scale):
    draw = functools.partial(_show_amplification, scale)
    key = functools.partial(_amplification_key, scale)
    return _Column(_title(name, "amplification"), maps, draw, key)


def _pattern_column(name, patterns):
    draw = functools.partial(show_patterns, patterns.basis.strong)
    key = functools.partial(pattern_key, patterns.basis)
    return _Column(_title(name, "mask patterns"), patterns.maps, draw, key)


def _title(name, kind):
    return f"{name.replace('_', ' ')}\n{kind}"


def _draw_images(axes, images, titles):
    for i, image in enumerate(images):
        show_image(axes[i], image)
        axes[i].set_title("" if titles is None else titles[i], fontsize=SMALL)


def _draw_column(axes, images, column):
    axes[0].set_title(column.title, fontsize=SMALL)
    for axis, image, values in zip(axes, images, column.maps, strict=False):
        column.draw(axis, image, values)
    column.draw_key(axes[-1])


def _show_amplification(scale: Scale, axis: Axes, image: Array, values: Array) -> None:
    options = {"interpolation": "bilinear"}
    show_map(axis, values, image.shape[:2], scale.colors, scale.limits, **options)
    below(axis, range_text(values, "x"))


def _amplification_key(scale: Scale, axis: Axes) -> None:
    """Draw a colour bar with the values of its ends and its middle."""
    drawn = ScalarMappable(Normalize(*scale.limits), matplotlib.colormaps[scale.colors])
    inside = axis.inset_axes((0.1, 0.55, 0.8, 0.3))
    ticks = np.linspace(*scale.limits, 3)
    bar = axis.figure.colorbar(drawn, cax=inside, orientation="horizontal", ticks=ticks)
    bar.ax.set_xticklabels([f"{tick:.2f}x" for tick in ticks], fontsize=SMALL - 1)
