"""Parts that the figures share: panels, colours, colour bars, captions."""

import textwrap
from collections.abc import Iterable
from collections.abc import Sequence
from collections.abc import Sized
from typing import Any
from typing import TypeAlias

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import text_to_path

from keras_resattn.explain.inputs import as_pictures
from keras_resattn.typing import Array
from keras_resattn_client.image_files import printable

# An array (N, H, W, C), or images of any sizes.
Images: TypeAlias = Array | Sequence[Array]

NOT_EVIDENCE = (
    "A mask shows which features a module amplifies. It is not evidence for a class."
)
SMALL = 8  # points
MEDIUM = 9
LAYOUT_RUNS = 3
TITLE_LINES = 2  # of one line of a title, such as a file name
CLASS_EVIDENCE = (
    "Class evidence: where the method finds evidence for the class, relative to each "
    "image (1: most). Methods differ, and none is proof of why the class was chosen."
)
INCH_PER_LETTER = 0.062  # average of the small font


class _Layout(ConstrainedLayoutEngine):
    """Arrange the parts of a figure until no text is cut off.

    A run of the engine measures titles before it changes the size of panels. Images
    keep their aspect ratio, so their titles are then in other places.
    """

    def execute(self, fig: Figure) -> None:
        for _ in range(LAYOUT_RUNS):
            super().execute(fig)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches, that arranges its parts automatically."""
    return matplotlib.figure.Figure(figsize=(width, height), layout=_Layout())


def caption(figure: Figure, *sentences: str, masks: bool = True) -> None:
    """Print sentences at the bottom; with masks, that these are not class evidence."""
    letters = int(figure.get_figwidth() / INCH_PER_LETTER)
    text = " ".join([*sentences, NOT_EVIDENCE] if masks else sentences)
    lines = textwrap.wrap(text, max(letters, 30))
    figure.supxlabel("\n".join(lines), fontsize=SMALL, ha="left", x=0.01)


def fitted_titles(
    titles: Sequence[str] | None, width: float, size: int
) -> list[str] | None:
    """Return titles with lines that fit a panel: long ones are broken or shortened.

    Bytes of file names that are not UTF-8 are replaced, as no font has them.

    Args:
        titles: Titles of images, or `None`.
        width: Inches of the panel.
        size: Points of the font.
    """
    if titles is None:
        return None
    fitted = (
        "\n".join(_fitted(line, 72 * width, size) for line in title.split("\n"))
        for title in map(printable, titles)
    )
    # Matplotlib would read the text between two of these as a formula.
    return [title.replace("$", r"\$") for title in fitted]


def _fitted(line: str, points: float, size: int) -> str:
    """Break a line, such as a file name, into at most `TITLE_LINES` lines.

    If it is longer, its middle is left out: names often differ only at the end.
    """
    lines = _broken(line, points, size)
    if len(lines) > TITLE_LINES:
        kept = int(TITLE_LINES * len(line) * points / _width(line, size)) + 1
    while len(lines) > TITLE_LINES:
        kept -= 1
        text = f"{line[: kept // 2]}\u2026{line[-(kept - kept // 2) :]}"
        lines = _broken(text, points, size)
    return "\n".join(lines)


def _broken(text: str, points: float, size: int) -> list[str]:
    if _width(text, size) <= points:
        return [text]
    # Names without spaces are broken between any two letters.
    wrapped = textwrap.wrap(text, max(1, int(len(text) * points / _width(text, size))))
    while any(_width(line, size) > points and len(line) > 1 for line in wrapped):
        wrapped = textwrap.wrap(text, max(map(len, wrapped)) - 1)
    return wrapped


def _width(text: str, size: int) -> float:
    """Return the width of a text in points."""
    font = FontProperties(size=size)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]


def pixels(images: Images) -> list[Array]:
    """Return images as float arrays `(H, W, 1 or 3)` with values in 0 to 1.

    Args:
        images: Arrays of pixel values, 0 to 255, of any sizes.

    Raises:
        ValueError: If they are something else.
    """
    return [image / 255 for image in as_pictures(images)]


def panel_heights(images: Iterable[Array], width: float) -> list[float]:
    """Return the height of a row for each image, for panels of one width."""
    return [
        width * min(max(image.shape[0] / image.shape[1], 0.25), 2) for image in images
    ]


def show_image(axis: Axes, image: Array) -> AxesImage:
    """Draw an image of `pixels`, grey if it has one channel."""
    axis.set_axis_off()
    image = image.squeeze(-1) if image.shape[-1] == 1 else image
    return axis.imshow(image, "gray", vmin=0, vmax=1)


def show_map(
    axis: Axes,
    values: Array,
    size: Sequence[int],
    colors: str | Colormap,
    limits: tuple[float, float],
    **options: Any,
) -> AxesImage:
    """Draw a map at the size of an image, so that it covers the image.

    Args:
        axis: A matplotlib axis.
        values: An array `(h, w)`.
        size: Height and width of the image.
        colors: A colour map or its name.
        limits: The values at the two ends of the colour map.
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


def extent(size: Sequence[int]) -> tuple[float, float, float, float]:
    """Return the edges of an image of a size: left, right, bottom, top."""
    height, width = size
    return (-0.5, width - 0.5, height - 0.5, -0.5)


def color_bar(
    figure: Figure, drawn: ScalarMappable, axes: Any, label: str, **options: Any
) -> Colorbar:
    """Draw the colour bar of a map with a label."""
    bar = figure.colorbar(drawn, ax=axes, **options)
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    if bar.solids is not None:
        bar.solids.set_alpha(1)
    return bar


def below(axis: Axes, text: str) -> None:
    """Print small text below a panel."""
    inside = axis.transAxes
    axis.text(0.5, -0.02, text, ha="center", va="top", fontsize=SMALL, transform=inside)


def check_count(name: str, items: Sized | None, images: Sized) -> None:
    """Raise a `ValueError` if the number of items is not the number of images."""
    if items is not None and len(items) != len(images):
        raise ValueError(
            f"Pass one of `{name}` for each image. Received: {len(items)} of {name} "
            f"and {len(images)} images"
        )
