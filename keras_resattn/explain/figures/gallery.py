"""Draw a gallery of images with masks over them."""

import math
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from keras_resattn.explain.figures.panels import SMALL
from keras_resattn.explain.figures.panels import below
from keras_resattn.explain.figures.panels import caption
from keras_resattn.explain.figures.panels import check_count
from keras_resattn.explain.figures.panels import color_bar
from keras_resattn.explain.figures.panels import new_figure
from keras_resattn.explain.figures.panels import show_image
from keras_resattn.explain.figures.panels import show_map
from keras_resattn.explain.inputs import as_array
from keras_resattn.explain.inputs import as_pictures
from keras_resattn.explain.scales import MASK_COLORS
from keras_resattn.explain.scales import mask_limits
from keras_resattn.explain.scales import range_text
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath


def gallery_figure(
    images: Array,
    masks: Array | None = None,
    y_true: Sequence[int] | Array | None = None,
    y_pred: Sequence[int] | Array | None = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: StrPath | None = None,
    transparent: bool = True,
    dpi: float = 60,
    legend_handles: Sequence[Any] | None = None,
    data_format: str | None = None,
    opacity: float = 0.6,
) -> Figure:
    """Draw a gallery of images, with a mask over each and labels above.

    The arguments are those of `keras.visualization.plot_image_gallery` without
    `show`, and in addition `masks` and `opacity`.

    Example:

    >>> masks = mean_masks(model, inputs)["stage1_attention1"]
    >>> gallery_figure(images, masks, y_pred=classes, label_map=names, cols=8)

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)`.
        masks: Optional array `(N, h, w)`, one mask per image, 0 to 1.
        y_true: Optional integers `(N,)`, the true classes.
        y_pred: Optional integers `(N,)`, the predicted classes.
        label_map: A dictionary from classes to their names. Needed with
            `y_true` or `y_pred`.
        rows: Integer, the number of rows. By default, enough for all images.
        cols: Integer, the number of columns. By default, enough for all images,
            or as many as rows. If you pass both, and they are too few, the last
            images are left out.
        value_range: The pixel values of black and white.
        scale: Float, the width of an image in inches.
        path: Optional path of a file to save the figure to.
        transparent: Boolean, whether the background of the file is transparent.
        dpi: Dots per inch of the file.
        legend_handles: Optional list of matplotlib's `Patch` objects.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `"channels_last"`.
        opacity: Float from 0 to 1, the opacity of the masks.

    Returns:
        A `matplotlib.figure.Figure`, not shown.

    Raises:
        ValueError: If the numbers of images, masks and labels differ, or
            `label_map` is missing.
    """
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ValueError(
            "`y_true` and `y_pred` need the names of the classes. Pass `label_map`, a "
            "dictionary from classes to names. Received: label_map=None"
        )
    images = _scaled(images, value_range, data_format)
    for name, items in (("masks", masks), ("y_true", y_true), ("y_pred", y_pred)):
        check_count(name, items, images)
    rows, cols = _shape(len(images), rows, cols)
    figure = new_figure(cols * scale + 0.8, rows * (scale + 0.7) + 0.6)
    axes = figure.subplots(rows, cols, squeeze=False)
    drawn = None
    for i, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if i < len(images):
            drawn = _panel(axis, images[i], masks, i, opacity)
            axis.set_title(_title(i, y_true, y_pred, label_map), fontsize=SMALL)
    if masks is not None and drawn is not None:
        bar = {"shrink": min(1, 2 / rows), "pad": 0.02, "aspect": 15}
        color_bar(figure, drawn, axes, "mask", **bar)
        caption(figure)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="outside lower right")
    if path is not None:
        figure.savefig(path, transparent=transparent, dpi=dpi)
    return figure


def _scaled(images, value_range, data_format):
    if data_format == "channels_first":
        images = np.moveaxis(as_array(images), 1, -1)
    low, high = value_range
    pictures = as_pictures(images, pixel_values=(low, high) == (0, 255))
    return [((one - low) / (high - low)).clip(0, 1) for one in pictures]


def _shape(count, rows, cols):
    """Return the given rows and columns, or enough for all images."""
    if rows is None and cols is None:
        cols = math.ceil(math.sqrt(count))
    rows = rows or math.ceil(count / cols)
    return rows, cols or math.ceil(count / rows)


def _panel(axis, image, masks, i, opacity):
    if masks is None:
        return show_image(axis, image)
    show_image(axis, image.mean(axis=-1, keepdims=True))  # grey: colours are values
    options = {"alpha": opacity, "interpolation": "bilinear"}
    size = image.shape[:2]
    below(axis, range_text(np.asarray(masks[i])))
    return show_map(axis, masks[i], size, MASK_COLORS, mask_limits(masks), **options)


def _title(i, y_true, y_pred, label_map):
    """Return the title of an image, as in the gallery of Keras."""
    parts = []
    for name, classes in (("Label", y_true), ("Pred", y_pred)):
        if classes is not None:
            parts.append(f"{name}: {label_map.get(int(classes[i]), 'Unknown')}")
    return "\n".join(parts)
