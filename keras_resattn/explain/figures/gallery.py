"""A gallery of images with masks over them."""

import math

import numpy as np

from keras_resattn.explain.figures.panels import MASK_COLORS
from keras_resattn.explain.figures.panels import SMALL
from keras_resattn.explain.figures.panels import caption
from keras_resattn.explain.figures.panels import check_count
from keras_resattn.explain.figures.panels import color_bar
from keras_resattn.explain.figures.panels import mask_limits
from keras_resattn.explain.figures.panels import new_figure
from keras_resattn.explain.figures.panels import pixels
from keras_resattn.explain.figures.panels import show_image
from keras_resattn.explain.figures.panels import show_map


def gallery_figure(
    images,
    masks=None,
    y_true=None,
    y_pred=None,
    label_map=None,
    rows=None,
    cols=None,
    value_range=(0, 255),
    scale=2,
    path=None,
    transparent=True,
    dpi=60,
    legend_handles=None,
    data_format=None,
    opacity=0.6,
):
    """Draw a gallery of images, with a mask over each and labels above.

    Its arguments are those of `keras.visualization.plot_image_gallery`, and
    `masks` and `opacity`; `show` is not among them, as nothing is shown.

    Example:

    >>> masks = mean_masks(model, inputs)["stage1_attention1"]
    >>> gallery_figure(images, masks, y_pred=classes, label_map=names, cols=8)

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)`.
        masks: Optional array `(N, h, w)`, one mask an image, 0 to 1.
        y_true: Optional integers `(N,)`, the true classes.
        y_pred: Optional integers `(N,)`, the predicted classes.
        label_map: A dictionary from classes to their names; needed with
            `y_true` or `y_pred`.
        rows: Integer, the number of rows. Defaults to what the images need.
        cols: Integer, the number of columns. Defaults to what the images need,
            or to a square of them. With both, what does not fit is left out.
        value_range: The values of black and white.
        scale: Float, the width of an image in inches.
        path: Optional path of a file to save the figure to.
        transparent: Boolean, whether the file's background is transparent.
        dpi: The file's dots per inch.
        legend_handles: Optional list of matplotlib's `Patch` objects.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `"channels_last"`.
        opacity: Float, that of the masks.

    Returns:
        A `matplotlib.figure.Figure`, not shown.

    Raises:
        ValueError: If the numbers of images, masks and labels differ, or
            labels have no names.
    """
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ValueError(
            "Labels need their names; give a dictionary from classes to names. "
            "Received: label_map=None"
        )
    for name, items in (("masks", masks), ("y_true", y_true), ("y_pred", y_pred)):
        check_count(name, items, images)
    images = _scaled(images, value_range, data_format)
    rows, cols = _shape(len(images), rows, cols)
    figure = new_figure(cols * scale + 0.8, rows * (scale + 0.4) + 0.6)
    axes = figure.subplots(rows, cols, squeeze=False)
    drawn = None
    for i, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if i < len(images):
            drawn = _panel(axis, images[i], masks, i, opacity)
            axis.set_title(_title(i, y_true, y_pred, label_map), fontsize=SMALL)
    if masks is not None:
        bar = {"shrink": min(1, 2 / rows), "pad": 0.02, "aspect": 15}
        color_bar(figure, drawn, axes, "mask", **bar)
        caption(figure)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="outside lower right")
    if path is not None:
        figure.savefig(path, transparent=transparent, dpi=dpi)
    return figure


def _scaled(images, value_range, data_format):
    images = np.asarray(images, "float32")
    if data_format == "channels_first":
        images = np.moveaxis(images, 1, -1)
    low, high = value_range
    return pixels((images - low) / (high - low) * 255)


def _shape(count, rows, cols):
    """Return rows and columns that hold all images, if they are not both given."""
    if rows is None and cols is None:
        cols = math.ceil(math.sqrt(count))
    rows = rows or math.ceil(count / cols)
    return rows, cols or math.ceil(count / rows)


def _panel(axis, image, masks, i, opacity):
    drawn = show_image(axis, image)
    if masks is None:
        return drawn
    options = {"alpha": opacity, "interpolation": "bilinear"}
    size = image.shape[:2]
    return show_map(axis, masks[i], size, MASK_COLORS, mask_limits(masks), **options)


def _title(i, y_true, y_pred, label_map):
    """Return the title of an image, as Keras' gallery has it."""
    parts = []
    for name, classes in (("Label", y_true), ("Pred", y_pred)):
        if classes is not None:
            parts.append(f"{name}: {label_map.get(int(classes[i]), 'Unknown')}")
    return "\n".join(parts)
