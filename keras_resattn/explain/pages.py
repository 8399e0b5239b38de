"""HTML pages in one file, with their figures inside."""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from keras_resattn.atomic_writing import check_not_a_folder
from keras_resattn.atomic_writing import write_beside
from keras_resattn.explain.figures.panels import new_figure  # has the install hint
from keras_resattn.typing import StrPath

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def write_page(path: StrPath, template: str, **values: Any) -> None:
    """Render a template of this folder to a file (extra `vis`)."""
    import jinja2

    check_not_a_folder(Path(path))
    text = Path(__file__).with_name(template).read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    html = environment.from_string(text).render(**values)
    # Names of files can have bytes that are not UTF-8; a page shows "?" for them.
    content = html.encode("utf-8", "replace")
    write_beside(Path(path), lambda beside: beside.write_bytes(content))


def png(figure: "Figure", dpi: int = 110) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    return file.getvalue()


def write_png(path: StrPath, figure: "Figure", dpi: int = 110) -> bytes:
    """Write a figure as PNG and return its bytes."""
    content = png(figure, dpi)
    write_beside(Path(path), lambda beside: beside.write_bytes(content))
    return content


# The colour of text and axes in SVG: the colour of the page's text replaces it.
INK = "#010203"
INKED = (
    *("text.color", "axes.edgecolor", "axes.labelcolor"),
    *("xtick.color", "ytick.color"),
)


def new_curves(width: float = 3.7, height: float = 2.6) -> "tuple[Figure, Axes]":
    """Return an empty figure for `svg` and its axes, in inches."""
    import matplotlib

    with matplotlib.rc_context(_inked()):
        figure = new_figure(width, height)
        return figure, figure.subplots()


def _inked() -> dict[Any, str]:
    return dict.fromkeys(INKED, INK)


def svg(figure: "Figure") -> str:
    """Return a figure of `new_curves` as SVG, for a page in light or dark colours."""
    import matplotlib

    file = io.StringIO()
    options = {"svg.fonttype": "none", "svg.hashsalt": "keras-resattn", **_inked()}
    with matplotlib.rc_context(options):
        empty = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=empty)
    text = file.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")


def image_source(png_bytes: bytes) -> str:
    """Return the source of an HTML image that contains a PNG file."""
    return "data:image/png;base64," + base64.b64encode(png_bytes).decode()
