"""The masks of several models for one image, on scales of the same width."""

import dataclasses
import os
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data import evaluation_images
from keras_resattn.data import read_pictures
from keras_resattn.explain.amplification_maps import amplification_of
from keras_resattn.explain.explanation import explain_batches
from keras_resattn.explain.reader import reader
from keras_resattn.explain.reference import find_reference
from keras_resattn.explain.scales import Scale
from keras_resattn.explain.scales import range_text
from keras_resattn.explain.scales import scales_of_one_width
from keras_resattn.explain.shown_images import SHOWN_SIZE
from keras_resattn.explain.shown_images import image_title
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn.typing import Tensor
from keras_resattn.views.flat import flattened
from keras_resattn.views.modules import attention_modules

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUTPUT = "/output"  # no module has this name


@dataclasses.dataclass(frozen=True)
class RunMasks:
    """What one model does with the image.

    Attributes:
        folder: The `ModelFolder`.
        picture: The image as it is shown, an array `(h, w, C)` of pixel values, 0 to
            255.
        inputs: The image at the size of the network, standardized, a float32 array
            `(1, H, W, C)`.
        probabilities: A float32 array `(classes,)`.
        amplification: A dictionary from the names of modules to float32 arrays
            `(1, h, w)`, see `amplification`. Empty if the network has no modules.
    """

    folder: ModelFolder
    picture: Array
    inputs: Array
    probabilities: Array
    amplification: Mapping[str, Array]


@dataclasses.dataclass(frozen=True)
class MaskComparison:
    """The masks of several models for one image.

    Attributes:
        image: The name of the image.
        runs: The `RunMasks` of each model.
        scales: For each model, a dictionary from the names of modules to the scale of
            their amplification. Modules of the same name have the same width.
    """

    image: str
    runs: tuple[RunMasks, ...]
    scales: tuple[Mapping[str, Scale], ...]

    def table(self) -> dict[str, tuple[str, ...]]:
        """Return the predictions, and the amplification of each module, as text."""
        rows = {"prediction": tuple(_prediction(run) for run in self.runs)}
        for name in dict.fromkeys(name for one in self.scales for name in one):
            maps = [run.amplification.get(name) for run in self.runs]
            rows[name] = tuple(
                "" if one is None else range_text(one, "x").replace("\n", " ")
                for one in maps
            )
        return rows

    def figures(self) -> Iterator["Figure | None"]:
        """Yield the figure of `keras-resattn masks` of each model, `None` without."""
        for run, scales in zip(self.runs, self.scales, strict=True):
            yield _figure(self.image, run, scales) if run.amplification else None


def compare_masks(
    folders: Sequence[ModelFolder], image: StrPath | None = None
) -> MaskComparison:
    """Compute the masks of several models for the same image.

    Args:
        folders: The `ModelFolder`s.
        image: The path of an image. Defaults to the first test image of the first
            data set that is on this machine.

    Raises:
        FileNotFoundError: If the image does not exist.
        ValueError: If the image cannot be read; without `image`, if no data set of
            the models is on this machine.
    """
    name, content = _test_image(folders) if image is None else (Path(image).name, image)
    runs = tuple(_run_masks(folder, content) for folder in folders)
    return MaskComparison(name, runs, _scales(runs))


def _figure(name: str, run: RunMasks, scales: Mapping[str, Scale]) -> "Figure":
    from keras_resattn.explain.first_figure import first_figure  # needs matplotlib

    model = run.folder.model
    [explanation] = explain_batches(model, [run.inputs])
    reference = find_reference(model, attention_modules(model), [run.inputs])
    title = image_title(run.folder, name, run.picture, run.probabilities)
    return first_figure(
        *(run.picture, explanation, title),
        reference=reference._replace(scales=dict(scales)),
    )


def _scales(runs: Sequence[RunMasks]) -> tuple[dict[str, Scale], ...]:
    scales: tuple[dict[str, Scale], ...] = tuple({} for _ in runs)
    for name in dict.fromkeys(name for run in runs for name in run.amplification):
        having = [i for i, run in enumerate(runs) if name in run.amplification]
        found = scales_of_one_width([runs[i].amplification[name] for i in having])
        for i, scale in zip(having, found, strict=True):
            scales[i][name] = scale
    return scales


def _run_masks(folder: ModelFolder, image: StrPath | Array) -> RunMasks:
    inputs = np.asarray(folder.preprocessing.standardize(folder.images(image)))
    tensors = {OUTPUT: flattened(folder.model).outputs[0], **_amplification(folder)}
    arrays = reader(folder.model, tensors)(inputs)
    probabilities = arrays.pop(OUTPUT)[0]
    picture = _picture(image, folder.preprocessing)
    return RunMasks(folder, picture, inputs, probabilities, arrays)


def _picture(image: StrPath | Array, preprocessing: Preprocessing) -> Array:
    """Return an image as it is shown."""
    if isinstance(image, str | os.PathLike):
        [image] = read_pictures([image], preprocessing)
    return preprocessing.shown(tf.convert_to_tensor(image), SHOWN_SIZE).numpy()


def _amplification(folder: ModelFolder) -> dict[str, Tensor]:
    """Return the amplification of each module as tensors; nothing without modules."""
    try:
        return amplification_of(attention_modules(folder.model))
    except ValueError:
        return {}


def _prediction(run: RunMasks) -> str:
    best = int(run.probabilities.argmax())
    return f"{run.folder.labels[best]} {run.probabilities[best]:.3f}"


def _test_image(folders: Sequence[ModelFolder]) -> tuple[str, StrPath | Array]:
    """Return the name and the path or the pixels of the first test image."""
    reasons: dict[str, None] = {}
    for folder in folders:
        try:
            return _first_image(folder)
        except (FileNotFoundError, ImportError, ValueError) as error:
            reasons[str(error)] = None
    raise ValueError(
        "There is no test image of these models on this machine. Give an image: "
        f"--image FILE, in Python image=FILE. {next(iter(reasons))}"
    )


def _first_image(folder: ModelFolder) -> tuple[str, StrPath | Array]:
    folder.check_data()
    # A comparison does not download a data set.
    data = folder.recipe.data.model_copy(update={"download": False})
    images = evaluation_images(
        None, data, folder.labels, folder.preprocessing, None, folder.recipe.seed
    )
    if images.split.paths:
        [path] = images.first_names(1, folder.preprocessing)
        return Path(path).name, Path(path)
    pixels, _ = next(images.split.images.take(1).as_numpy_iterator())
    return f"{images.part} image 1 of {images.name}", pixels
