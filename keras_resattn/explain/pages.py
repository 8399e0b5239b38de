"""HTML pages in one file, with their figures inside."""

import base64
import io
from pathlib import Path
from typing import Any

from keras_resattn.explain.figures.panels import Figure
from keras_resattn.model_folder import write_beside
from keras_resattn.typing import StrPath


def write_page(path: StrPath, template: str, **values: Any) -> None:
    """Render a template of this folder to a file (extra `vis`)."""
    import jinja2

    text = Path(__file__).with_name(template).read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    html = environment.from_string(text).render(**values)
    write_beside(Path(path), lambda beside: beside.write_text(html, encoding="utf-8"))


def png(figure: Figure, dpi: int = 110) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    return file.getvalue()


def image_source(png_bytes: bytes) -> str:
    """Return the source of an HTML image that contains a PNG file."""
    return "data:image/png;base64," + base64.b64encode(png_bytes).decode()
