"""Images and maps as HTML.

An image and the map over it stay two pictures, each of its own size and in the very
colours of its values. The browser enlarges them, and mixes them by the opacity that
the page sets, without asking the server.
"""

import base64
import html
import io

import matplotlib
import numpy as np
import PIL.Image

from keras_resattn.explain.figures.panels import MASK_COLORS

SMALL = 128  # images below this size are enlarged with visible pixels


def colors(values, limits=(0.0, 1.0), color_map=MASK_COLORS):
    """Return the colours of values, uint8 `(h, w, 3)`.

    Args:
        values: A float array `(h, w)`.
        limits: Pair of floats: which values get the first colour and the last.
        color_map: String, the name of matplotlib's colour map.
    """
    low, high = limits
    scaled = (np.asarray(values, "float32") - low) / max(high - low, 1e-12)
    return matplotlib.colormaps[color_map](scaled, bytes=True)[..., :3]


def picture(pixels, text, kind=None):
    """Return the HTML of an image.

    Args:
        pixels: A uint8 array `(h, w, 1)` or `(h, w, 3)`.
        text: What it shows, for those who do not see it.
        kind: Its CSS class: `"cells"` to be enlarged with visible pixels,
            `"smooth"` without, `"over"` on top of another, smoothly. Defaults to
            one of the first two, by its size.
    """
    kind = kind or ("cells" if max(pixels.shape[:2]) < SMALL else "smooth")
    return f'<img class="{kind}" alt="{html.escape(text)}" src="{_png(pixels)}">'


def over(pixels, colored, text):
    """Return the HTML of a map over an image, with the page's opacity.

    Args:
        pixels: The image, a uint8 array `(H, W, 1)` or `(H, W, 3)`.
        colored: The map's `colors`, a uint8 array `(h, w, 3)`.
        text: What it shows, for those who do not see it.
    """
    below, above = picture(pixels, text), picture(colored, "", "over")
    return f'<div class="layers">{below}{above}</div>'


def figure(content, title, *lines):
    """Return the HTML of a picture with what stands below it.

    Args:
        content: The picture's HTML.
        title: Text, in bold.
        *lines: Texts, a line each.
    """
    title = f"<strong>{html.escape(title)}</strong>"
    caption = "".join(f"<span>{html.escape(line)}</span>" for line in lines)
    return f"<figure>{content}<figcaption>{title}{caption}</figcaption></figure>"


def scale(text, ends, color_map=MASK_COLORS):
    """Return the HTML of a colour bar.

    Args:
        text: What its colours mean.
        ends: Pair of what stands at its beginning and its end: texts or floats.
        color_map: String, the name of matplotlib's colour map.
    """
    places = colors(np.linspace(0, 1, 17)[None], color_map=color_map)[0]
    ends = (end if isinstance(end, str) else f"{end:.2f}" for end in ends)
    stops = ", ".join(f"rgb({red} {green} {blue})" for red, green, blue in places)
    style = f"background: linear-gradient(90deg, {stops})"
    bar = f'<span class="bar" style="{style}"></span>'
    text, low, high = (html.escape(part) for part in (text, *ends))
    return f'<div class="scale">{text} <span>{low}</span>{bar}<span>{high}</span></div>'


def value_range(values):
    """Return the range of an array's values as text."""
    return f"{values.min():.2f} to {values.max():.2f}"


def _png(pixels):
    pixels = pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
