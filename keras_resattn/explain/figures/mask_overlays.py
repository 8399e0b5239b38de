"""Draw masks over their images: one row per image, one column per module."""

import math
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from keras_resattn.explain.figures.panels import CLASS_EVIDENCE
from keras_resattn.explain.figures.panels import MEDIUM
from keras_resattn.explain.figures.panels import Images
from keras_resattn.explain.figures.panels import below
from keras_resattn.explain.figures.panels import caption
from keras_resattn.explain.figures.panels import check_count
from keras_resattn.explain.figures.panels import color_bar
from keras_resattn.explain.figures.panels import extent
from keras_resattn.explain.figures.panels import fitted_titles
from keras_resattn.explain.figures.panels import new_figure
from keras_resattn.explain.figures.panels import panel_heights
from keras_resattn.explain.figures.panels import pixels
from keras_resattn.explain.figures.panels import show_image
from keras_resattn.explain.figures.panels import show_map
from keras_resattn.explain.inputs import as_pictures
from keras_resattn.explain.resizing import resized
from keras_resattn.explain.scales import EVIDENCE_COLORS
from keras_resattn.explain.scales import MASK_COLORS
from keras_resattn.explain.scales import is_nearly_constant
from keras_resattn.explain.scales import mask_limits
from keras_resattn.explain.scales import range_text
from keras_resattn.layers.arguments import choice
from keras_resattn.typing import Array

STYLES = ("overlay", "masked", "contour")
METHOD_NAMES = {
    "grad_cam": "Grad-CAM",
    "grad_cam_plus_plus": "Grad-CAM++",
    "score_cam": "Score-CAM",
    "layer_cam": "LayerCAM",
    "smooth_grad": "SmoothGrad",
}
BAR = "mask, mean over channels"
STRETCHED_BAR = "mask, scaled to its own range"
# Deep networks have dozens of modules, more than fit on a page side by side.
MAPS_PER_LINE = 6
# Contour lines are at quantiles of the mask, because masks may vary little: quantile
# to line width.
QUANTILES = {0.75: 0.8, 0.9: 1.8}


def mask_figure(
    images: Images,
    masks: Mapping[str, Array],
    titles: Sequence[str] | None = None,
    opacity: float = 0.7,
    style: str = "overlay",
    stretch: bool = False,
    evidence: Mapping[str, Array] | None = None,
) -> Figure:
    """Draw each image, and next to it the mask of every module over the image.

    The colours show mask values from 0 to 1, on the same scale in every panel
    unless `stretch` is set. The range of the mask is printed below each panel. A mask
    whose range is smaller than 0.02 is called nearly constant: it is not stretched, and
    no contour is drawn. Images are grey under the colours. A mask shows which features
    a module amplifies. It is not evidence for a class.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> images = folder.images(["shirt.png"])
    >>> inputs = folder.preprocessing.standardize(images)
    >>> mask_figure(images, mean_masks(folder.model, inputs)).savefig("masks.png")

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255, or a list of such images of any sizes.
        masks: A dictionary from the names of modules to arrays `(N, h, w)`. It may be
            empty if there is evidence.
        titles: Optional list of strings, one per image.
        opacity: Float from 0 to 1, the opacity of masks with the style `"overlay"`
            and of class evidence.
        style: `"overlay"` draws the mask in colours over the image, `"masked"` the
            pixels of the image times the mask, `"contour"` lines around the quarter
            and the tenth of the positions with the highest values.
        stretch: Boolean, whether to stretch the colours (or the brightness) of
            each mask to its own lowest and highest value. Useful because means over
            many channels vary little.
        evidence: Optional dictionary from methods of class evidence to arrays
            `(N, h, w)` with values in 0 to 1. They are drawn next to the masks, in
            other colours.

    Returns:
        A `matplotlib.figure.Figure`, not shown.
    """
    choice("style", style, STYLES)
    images, evidence = pixels(images), evidence or {}
    check_count("titles", titles, images)
    _check_maps({**masks, **evidence}, images)
    titles = fitted_titles(titles, 1.8, MEDIUM)
    text_lines = max((title.count("\n") + 1 for title in titles or ()), default=1)
    maps = len(masks) + len(evidence)
    lines = math.ceil(maps / MAPS_PER_LINE)
    rows, columns = len(images) * lines, 1 + math.ceil(maps / lines)
    heights = [h for h in panel_heights(images, 1.9) for _ in range(lines)]
    bars = (style == "overlay" and bool(masks)) + bool(evidence)
    height = sum(heights) + 0.5 * rows + 0.7
    height += 0.15 * max(text_lines - 2, 0) * len(images) + 0.3 * bool(evidence)
    figure = new_figure(2 * columns + 0.8 * bars, height)
    axes = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
    scale = (mask_limits(masks.values()), opacity)
    for i, image in enumerate(images):
        first, *panels = _panels(axes[i * lines : (i + 1) * lines], maps)
        show_image(first, image)
        if titles is not None:
            first.set_title(titles[i], fontsize=MEDIUM)
        named = i == 0 or lines > 1
        drawn = _draw_masks(panels, image, masks, i, style, stretch, *scale, named)
        beside = panels[len(masks) :]
        other = _draw_evidence(beside, image, evidence, i, opacity, named)
    bar = {"shrink": min(0.8, 2 / rows), "pad": 0.02, "aspect": 15}
    # A later bar is drawn to the left of an earlier one.
    if evidence:
        color_bar(figure, other, axes, "class evidence", **bar)
    if style == "overlay" and masks:
        color_bar(figure, drawn, axes, STRETCHED_BAR if stretch else BAR, **bar)
    texts = [
        _TEXTS[style] if masks else "",
        STRETCHED if stretch and style != "contour" else "",
        CLASS_EVIDENCE if evidence else "",
    ]
    caption(figure, *filter(None, texts), masks=bool(masks))
    return figure


def _check_maps(maps, images):
    """Check that there are maps, and that each has one plane per image."""
    if not maps:
        raise ValueError(
            "Pass the masks of at least one module, or class evidence. Received: "
            "masks={}"
        )
    for name, values in maps.items():
        check_count(name, values, images)
        if np.ndim(values) != 3:
            raise ValueError(
                "A mask must be an array (N, h, w). Average masks over their channels: "
                "keras_resattn.explain.mean_masks. Received: an array of shape "
                f"{np.shape(values)} for {name!r}"
            )


def _panels(axes, maps):
    """Return the panels of an image and its maps; make the others invisible."""
    first, *left = axes[:, 0]
    panels = list(axes[:, 1:].flat)
    for axis in [*left, *panels[maps:]]:
        axis.set_axis_off()
    return [first, *panels[:maps]]


_TEXTS = {
    "overlay": "",
    "masked": "Each pixel is multiplied by the mask (mean over channels).",
    "contour": "The lines enclose the 25 % (thin) and 10 % (thick) of positions with "
    "the highest mask values (mean over channels).",
}
STRETCHED = (
    "Stretched: 0 is the lowest value of each mask, 1 its highest. Nearly constant "
    "masks are not stretched."
)


def masked_images(images: Images, mask: Array | Sequence[Array]) -> list[Array]:
    """Multiply images by a mask that is resized to them.

    Example:

    >>> images = np.full((2, 32, 32, 3), 255.0)
    >>> masked_images(images, np.full((2, 8, 8), 0.5))[0].max()
    127.5

    Args:
        images: An array `(N, H, W, C)`, or a list of images of any sizes.
        mask: An array `(N, h, w)` with values in 0 to 1.

    Returns:
        A list of N float32 arrays `(H, W, C)`.
    """
    pictures = as_pictures(images)
    check_count("mask", mask, pictures)
    return [_multiplied(image, one) for image, one in zip(pictures, mask, strict=True)]


def _multiplied(image: Array, mask: Array) -> Array:
    return image * resized(mask[None], image.shape[:2])[0, ..., None]


def _draw_masks(axes, image, masks, i, style, stretch, limits, opacity, named):
    drawn = None
    draw = {"overlay": _overlay, "masked": _masked, "contour": _contour}[style]
    for axis, (name, mask) in zip(axes, masks.items(), strict=False):
        values = _stretched(mask[i], limits) if stretch else mask[i]
        drawn = draw(axis, image, values, limits, opacity)
        _label(axis, mask[i], name.replace("_", "\n", 1) if named else None)
    return drawn


def _draw_evidence(axes, image, evidence, i, opacity, named):
    drawn = None
    for axis, (name, values) in zip(axes, evidence.items(), strict=True):
        drawn = _overlay(axis, image, values[i], (0, 1), opacity, EVIDENCE_COLORS)
        _name(axis, METHOD_NAMES.get(name, name) if named else None)
        if not np.any(values[i]):
            below(axis, "no evidence")
    return drawn


def _stretched(mask, limits):
    low, high = mask.min(), mask.max()
    # Stretching a mask that hardly varies would draw noise in all colours.
    flat = is_nearly_constant(mask)
    share = np.full_like(mask, 0.5) if flat else (mask - low) / (high - low)
    return limits[0] + share * (limits[1] - limits[0])


def _label(axis, values, title):
    below(axis, range_text(values))
    _name(axis, title)


def _name(axis, title):
    if title is not None:
        axis.set_title(title, fontsize=MEDIUM)


def _overlay(axis, image, mask, limits, opacity, colors=MASK_COLORS):
    show_image(axis, image.mean(axis=-1, keepdims=True))  # grey: colours are values
    options = {"alpha": opacity, "interpolation": "bilinear"}
    return show_map(axis, mask, image.shape[:2], colors, limits, **options)


def _masked(axis, image, mask, limits, opacity):
    masked = _multiplied(image, np.clip(mask, 0, 1))
    return show_image(axis, masked)


def _contour(axis, image, mask, limits, opacity):
    show_image(axis, image)
    size = image.shape[:2]
    # Lines need two rows and two columns; an image can have one.
    grid = [max(2, side) for side in size]
    rows, columns = (
        np.arange(side) if side > 1 else np.array([-0.5, 0.5]) for side in size
    )
    values = resized(mask[None], grid)[0]
    low, high = mask.min(), mask.max()
    margin = 0.01 * (high - low)
    for quantile, width in ({} if is_nearly_constant(mask) else QUANTILES).items():
        # There is no line around a plateau, so keep away from the extremes.
        level = np.clip(np.quantile(mask, quantile), low + margin, high - margin)
        for color, wider in (("black", 1.2), ("white", 0)):
            style = {"colors": color, "linewidths": width + wider}
            axis.contour(columns, rows, values, [level], **style)
    axis.set(xlim=extent(size)[:2], ylim=extent(size)[2:])
