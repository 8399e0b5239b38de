"""Images and maps as HTML (extra `vis`).

An image and the map over it are two pictures, each at its own size and in the exact
colours of its values. The browser enlarges them, and blends them with the opacity that
is set on the page, without a request to the server.
"""

import base64
import html
import io
from collections.abc import Iterable

import matplotlib
import numpy as np
import PIL.Image

from keras_resattn.explain.scales import MASK_COLORS
from keras_resattn.typing import Array

SMALL = 128  # smaller images are enlarged with visible pixels
QUALITY = 85  # of JPEG. Maps stay exact, because their colours are values.


def colors(
    values: Array,
    limits: tuple[float, float] = (0.0, 1.0),
    color_map: str = MASK_COLORS,
) -> Array:
    """Return the colours of values, uint8 `(h, w, 3)`.

    Args:
        values: A float array `(h, w)`.
        limits: The values of the first and the last colour.
        color_map: String, the name of a colour map of matplotlib.
    """
    low, high = limits
    scaled = (np.asarray(values, "float32") - low) / max(high - low, 1e-12)
    return matplotlib.colormaps[color_map](scaled, bytes=True)[..., :3]


def picture(
    pixels: Array, text: str, kind: str | None = None, compact: bool = False
) -> str:
    """Return the HTML of an image.

    Args:
        pixels: A uint8 array `(h, w, 1)` or `(h, w, 3)`.
        text: A description for screen readers.
        kind: The CSS class: `"cells"` enlarges with visible pixels, `"smooth"`
            without, `"over"` covers another image smoothly. Defaults to `"cells"`
            for small images, otherwise to `"smooth"`.
        compact: Boolean, whether to write fewer bytes: large images as JPEG.
    """
    kind = kind or ("cells" if max(pixels.shape[:2]) < SMALL else "smooth")
    address = source(pixels) if compact else _png(pixels)
    return f'<img class="{kind}" alt="{html.escape(text)}" src="{address}">'


def over(pixels: Array, colored: Array, text: str) -> str:
    """Return the HTML of a map over an image, with the opacity that the page sets.

    Args:
        pixels: The image, a uint8 array `(H, W, 1)` or `(H, W, 3)`.
        colored: The `colors` of the map, a uint8 array `(h, w, 3)`.
        text: A description for screen readers.
    """
    below, above = picture(pixels, text), picture(colored, "", "over")
    return f'<div class="layers">{below}{above}</div>'


def figure(content: str, title: str, *lines: str) -> str:
    """Return the HTML of a picture with a caption.

    Args:
        content: The HTML of the picture.
        title: The first line of the caption, in bold.
        *lines: The other lines.
    """
    title = f"<strong>{html.escape(title)}</strong>"
    caption = "".join(f"<span>{html.escape(line)}</span>" for line in lines)
    return f"<figure>{content}<figcaption>{title}{caption}</figcaption></figure>"


def scale(text: str, ends: Iterable[str | float], color_map: str = MASK_COLORS) -> str:
    """Return the HTML of a colour bar.

    Args:
        text: The meaning of the colours.
        ends: Two texts or floats, printed at the start and the end of the bar.
        color_map: String, the name of a colour map of matplotlib.
    """
    places = colors(np.linspace(0, 1, 17)[None], color_map=color_map)[0]
    texts = (end if isinstance(end, str) else f"{end:.2f}" for end in ends)
    stops = ", ".join(f"rgb({red} {green} {blue})" for red, green, blue in places)
    style = f"background: linear-gradient(90deg, {stops})"
    bar = f'<span class="bar" style="{style}"></span>'
    text, low, high = (html.escape(part) for part in (text, *texts))
    return (
        f'<div class="scale"><span>{text}</span> <span>{low}</span>{bar}'
        f"<span>{high}</span></div>"
    )


def value_range(values: Array) -> str:
    """Return the range of an array's values as text."""
    return f"{values.min():.2f} to {values.max():.2f}"


def _png(pixels):
    return _source(_image(pixels), "PNG")


def source(pixels: Array) -> str:
    """Return the source of an image in few bytes, see `picture` with `compact`."""
    image = _image(pixels)
    if min(image.size) >= SMALL:
        # JPEG has no transparency.
        image = image.convert("RGB") if image.mode == "RGBA" else image
        return _source(image, "JPEG", quality=QUALITY)
    return _source(image, "PNG", optimize=True)


def _image(pixels):
    return PIL.Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)


def _source(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    data = base64.b64encode(file.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{data}"
