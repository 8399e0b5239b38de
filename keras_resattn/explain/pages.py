"""HTML pages that are one file: their figures are inside."""

import base64
import io
from pathlib import Path

from keras_resattn.model_folder import write_beside

try:
    import jinja2
except ImportError as error:
    raise ImportError(
        'The report needs jinja2 and matplotlib: pip install "keras-resattn[vis]"'
    ) from error


def write_page(path, template, **values):
    """Fill in a template of this folder and write it, whole or not at all."""
    text = Path(__file__).with_name(template).read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    html = environment.from_string(text).render(**values)
    write_beside(Path(path), lambda beside: beside.write_text(html, encoding="utf-8"))


def png(figure, dpi=110):
    """Return a figure as the bytes of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    return file.getvalue()


def image_source(png_bytes):
    """Return the source of an HTML image that holds the bytes of a PNG file."""
    return "data:image/png;base64," + base64.b64encode(png_bytes).decode()
