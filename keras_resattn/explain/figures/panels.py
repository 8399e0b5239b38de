"""What the figures share: panels, colours, colour bars, captions."""

import textwrap

import numpy as np

try:
    import matplotlib.figure
except ImportError as error:
    raise ImportError(
        'The figures of masks need matplotlib: pip install "keras-resattn[vis]"'
    ) from error

# All perceptually uniform; each kind of map has its own.
MASK_COLORS = "viridis"
FEATURE_COLORS = "magma"
EVIDENCE_COLORS = "inferno"

NO_EVIDENCE = (
    "A mask tells which features a module amplifies; it is no evidence for a class."
)
SMALL = 8  # points
MEDIUM = 9
INCH_PER_LETTER = 0.062  # of small print, on average


def new_figure(width, height):
    """Return an empty figure whose parts make room for each other; inches."""
    return matplotlib.figure.Figure(figsize=(width, height), layout="constrained")


def caption(figure, *sentences):
    """Print sentences below everything, and that a mask is no evidence."""
    letters = int(figure.get_figwidth() / INCH_PER_LETTER)
    lines = textwrap.wrap(" ".join([*sentences, NO_EVIDENCE]), max(letters, 30))
    figure.supxlabel("\n".join(lines), fontsize=SMALL, ha="left", x=0.01)


def pixels(images):
    """Return images as float arrays `(H, W, 1 or 3)` with values in 0 to 1.

    Args:
        images: Arrays of pixel values, 0 to 255, of any sizes.
    """
    return [_pixels(np.asarray(image, "float32")) for image in images]


def _pixels(image):
    if image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise ValueError(
            "An image to draw has 1 or 3 channels. "
            f"Received: an image of shape {image.shape}"
        )
    return image.clip(0, 255) / 255


def panel_heights(images, width):
    """Return the heights of rows of panels that are so wide, one an image."""
    return [
        width * min(max(image.shape[0] / image.shape[1], 0.25), 2) for image in images
    ]


def show_image(axis, image):
    """Draw an image of `pixels`, grey if it has one channel."""
    axis.set_axis_off()
    image = image.squeeze(-1) if image.shape[-1] == 1 else image
    return axis.imshow(image, "gray", vmin=0, vmax=1)


def show_map(axis, values, size, colors, limits, **options):
    """Draw a map so large that its cells lie over the pixels they stand for.

    Args:
        axis: A matplotlib axis.
        values: An array `(h, w)`.
        size: Height and width of the image.
        colors: The name of a colour map.
        limits: The values at the ends of the colours.
        **options: Arguments of `imshow`.
    """
    axis.set_axis_off()
    return axis.imshow(
        values,
        cmap=colors,
        vmin=limits[0],
        vmax=limits[1],
        extent=extent(size),
        **{"interpolation": "nearest", **options},
    )


def extent(size):
    """Return the edges of an image of a size: left, right, bottom, top."""
    height, width = size
    return (-0.5, width - 0.5, height - 0.5, -0.5)


def mask_limits(masks):
    """Return the scale of masks: 0 to 1, or -1 to 1 where some are negative."""
    return (-1 if any(np.min(mask) < 0 for mask in masks) else 0), 1


def color_bar(figure, drawn, axes, label, **options):
    """Draw the colour bar of a map, with what it measures."""
    bar = figure.colorbar(drawn, ax=axes, **options)
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.solids.set_alpha(1)
    return bar


def below(axis, text, **options):
    """Print small text below a panel."""
    style = {"ha": "center", "va": "top", "fontsize": SMALL, **options}
    axis.text(0.5, -0.02, text, transform=axis.transAxes, **style)


def check_count(name, items, images):
    """Raise a `ValueError` if there is not one of something for each image."""
    if items is not None and len(items) != len(images):
        raise ValueError(
            f"There must be one of `{name}` for each image. Received: {len(items)} of "
            f"{name} and {len(images)} images"
        )
