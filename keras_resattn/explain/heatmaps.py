"""Figures of attention masks: the mask of each module over its image."""

import numpy as np

from keras_resattn.masks import attention_masks

try:
    import matplotlib.figure
except ImportError as error:
    raise ImportError(
        'The figures of masks need matplotlib: pip install "keras-resattn[vis]"'
    ) from error

COLOR_MAP = "viridis"  # perceptually uniform


def mean_masks(model, inputs):
    """Compute the attention masks of images, mean over the channels.

    Args:
        model: A `keras.Model` of keras_resattn.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.

    Returns:
        A dictionary from the name of each attention module to a float32 array
        `(N, h, w)` with values in 0 to 1.
    """
    masks = attention_masks(model).predict(inputs, verbose=0)
    return {
        name: np.asarray(mask, "float32").mean(axis=-1) for name, mask in masks.items()
    }


def mask_figure(images, masks, titles=None, opacity=0.7):
    """Draw images, a row each, and the mask of each module over them.

    The colours stand for mask values from 0 to 1, the same in every picture;
    below each is the range of its mask's values. A mask tells which features a
    module amplifies; it is no evidence for a class.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> images = folder.images(["shirt.png"])
    >>> inputs = folder.preprocessing.standardize(images)
    >>> mask_figure(images, mean_masks(folder.model, inputs)).savefig("masks.png")

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255.
        masks: A dictionary from the names of modules to arrays `(N, h, w)`.
        titles: Optional list of strings, one an image.
        opacity: Float, that of the masks.

    Returns:
        A `matplotlib.figure.Figure`, not shown.
    """
    images = np.asarray(images, "float32").clip(0, 255) / 255
    rows, columns = len(images), 1 + len(masks)
    figure = matplotlib.figure.Figure(
        figsize=(2.2 * columns + 0.8, 2.3 * rows + 0.5), layout="constrained"
    )
    axes = figure.subplots(rows, columns, squeeze=False)
    for i, row in enumerate(axes):
        for axis in row:
            _show_image(axis, images[i])
        if titles is not None:
            row[0].set_title(titles[i], fontsize=9)
        for axis, (name, mask) in zip(row[1:], masks.items(), strict=True):
            drawn = _show_mask(axis, mask[i], images[i].shape[:2], opacity)
            values = f"{mask[i].min():.2f} to {mask[i].max():.2f}"
            axis.text(0.5, -0.02, values, ha="center", va="top", **_below(axis))
            if i == 0:
                axis.set_title(name.replace("_", "\n"), fontsize=9)
    bar = figure.colorbar(drawn, ax=axes, shrink=min(1, 2 / rows), pad=0.02)
    bar.set_label("mask, mean over channels", fontsize=9)
    return figure


def _below(axis):
    return {"transform": axis.transAxes, "fontsize": 8}


def _show_image(axis, image):
    axis.set_axis_off()
    if image.shape[-1] in (1, 3):
        axis.imshow(image.squeeze(-1) if image.shape[-1] == 1 else image, "gray")
        return
    raise ValueError(
        "An image to draw has 1 or 3 channels. "
        f"Received: an image of shape {image.shape}"
    )


def _show_mask(axis, mask, size, opacity):
    height, width = size
    return axis.imshow(
        mask,
        cmap=COLOR_MAP,
        vmin=0,
        vmax=1,
        alpha=opacity,
        interpolation="bilinear",
        # The mask's cells lie over the pixels that they stand for.
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
