"""Write the files of `keras-resattn masks`: a figure for each image."""

from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from keras_resattn.explain.explanation import select_image
from keras_resattn.explain.file_names import unique_names
from keras_resattn.explain.first_figure import DPI
from keras_resattn.explain.first_figure import first_figure
from keras_resattn.explain.pages import write_png
from keras_resattn.explain.reference import BATCH_SIZE
from keras_resattn.explain.reference import reference_of_files
from keras_resattn.explain.shown_images import explained_pictures
from keras_resattn.explain.shown_images import image_title
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import StrPath


def write_masks(
    folder: ModelFolder,
    paths: Sequence[Path],
    out: StrPath,
    view: str = "attention",
    pattern_count: int = 4,
) -> Iterator[Path]:
    """Write `NAME.masks.png` for each image, as `write_explanations` does.

    Memory does not grow with the number of images.

    Args:
        folder: A `ModelFolder`.
        paths: Paths of readable images.
        out: The folder to write to.
        view: See `write_explanations`.
        pattern_count: Integer, see `write_explanations`.

    Yields:
        The path of each figure, after it is written.
    """
    reference = None
    if view != "mean":
        reference = reference_of_files(folder, paths, None, pattern_count)
    names = iter(unique_names(paths))
    for pictures, explanation in explained_pictures(folder, paths, BATCH_SIZE):
        for i, picture in enumerate(pictures):
            one, name = select_image(explanation, i), next(names)
            title = image_title(folder, name, picture, one.outputs[0])
            figure = first_figure(picture, one, title, view, reference)
            path = Path(out) / f"{name}.masks.png"
            write_png(path, figure, DPI)
            yield path
