"""The images to test a model on: those of its recipe, or any others."""

import dataclasses
import os
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_resattn.data.class_folders import find_class_folder_splits
from keras_resattn.data.class_folders import images_in_class_folders
from keras_resattn.data.image_files import unreadable_images
from keras_resattn.data.labelled_files import split_of_files
from keras_resattn.data.labelled_images import LabelledImages
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.manifest import UNDIVIDED
from keras_resattn.data.manifest import is_manifest
from keras_resattn.data.manifest import splits_of_manifest
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.python_data import PythonData
from keras_resattn.data.python_data import class_numbers
from keras_resattn.data.python_data import read_parts
from keras_resattn.data.sources import is_folder
from keras_resattn.data.sources import load
from keras_resattn.recipes.settings import FROM_PYTHON
from keras_resattn.recipes.settings import Data
from keras_resattn.typing import StrPath

NOT_DIVIDED = (
    "These images are not divided into splits, so all are tested. If the model was "
    "trained on some of them, the results are too good."
)


@dataclasses.dataclass(frozen=True)
class EvaluationImages:
    """Labelled images to test a model on.

    Attributes:
        name: What they were loaded by.
        part: Which of them: "train", "validation", "test" or "all".
        labels: The names of their classes, which may differ from the model's.
        split: The images. Their labels are numbers of `labels`.
        notes: Sentences about what was left out and decided.
        unreadable: The paths of images that were left out, with the reasons.
    """

    name: str
    part: str
    labels: tuple[str, ...]
    split: Split
    notes: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def without_unreadable(self, preprocessing: Preprocessing) -> "EvaluationImages":
        """Decode all files, and return the images that can be read.

        Images without files, such as those of tensorflow-datasets, are all returned.

        Raises:
            ValueError: If no file can be read.
        """
        if not self.split.paths:
            return self
        reasons = unreadable_images(self.split.paths, preprocessing)
        files = [
            (path, number)
            for path, number in zip(
                self.split.paths, self.split.path_labels, strict=True
            )
            if path not in reasons
        ]
        if not files:
            raise _none_readable(len(reasons), reasons)
        split = split_of_files(files, preprocessing, len(self.labels))
        return dataclasses.replace(self, split=split, unreadable=reasons)

    def first_names(self, count: int, preprocessing: Preprocessing) -> list[str]:
        """Return the names of the first images that can be read.

        Args:
            count: Integer, the largest number of names.
            preprocessing: The network's `Preprocessing`.

        Returns:
            Paths, or the numbers of the images if they have no files.

        Raises:
            ValueError: If no file can be read.
        """
        names: list[str] = []
        unreadable: Mapping[str, str] = {}
        if not self.split.paths:
            return [str(i) for i in range(min(count, self.split.count))]
        for start in range(0, len(self.split.paths), count):
            some = self.split.paths[start : start + count]
            unreadable = unreadable_images(some, preprocessing)
            names += [path for path in some if path not in unreadable]
            if len(names) >= count:
                break
        if not names:
            raise _none_readable(len(self.split.paths), unreadable)
        return names[:count]


def evaluation_images(
    data: StrPath | PythonData | None,
    recipe: Data,
    labels: tuple[str, ...],
    preprocessing: Preprocessing,
    part: str | None = None,
    seed: int = 0,
) -> EvaluationImages:
    """Load the images to test a model on.

    The images of the recipe are divided as for the training. Other images without
    splits are all used. Without test images, the validation images are used.

    Args:
        data: The path of a folder of class folders or of a CSV file, the name of a
            data set, or images as for `load_python_data`. Defaults to the images of
            the recipe.
        recipe: The section `data` of the recipe.
        labels: The names of the classes of the model.
        preprocessing: The network's `Preprocessing`.
        part: "train", "validation" or "test". Defaults to "test".
        seed: Integer, the random seed of the recipe.

    Raises:
        FileNotFoundError: If there is no such folder, file or data set.
        ValueError: If there are no such images.
    """
    settings = recipe.model_copy(update={"on_error": "stop", "correct_labels": 1.0})
    if is_of_recipe(data, recipe):
        return _part_of(load(settings, preprocessing, seed), part)
    if not isinstance(data, (str, os.PathLike)):
        assert data is not None
        return _given(data, labels, preprocessing, part)
    name = os.fspath(data)
    settings = settings.model_copy(update={"name": name, "validation": None})
    path = Path(name).expanduser()
    notes: tuple[str, ...] = ()
    if is_manifest(name):
        names, splits = splits_of_manifest(path)
        part = _chosen(splits, part, name)
        files = splits[part]
    elif is_folder(settings):
        folders, beside = find_class_folder_splits(path)
        part = _chosen(folders, part, name)
        names, files, notes = images_in_class_folders(folders[part])
        notes = beside + notes
    else:
        return _part_of(load(settings, preprocessing, seed), part)
    if part == UNDIVIDED:
        notes += (NOT_DIVIDED,)
    split = split_of_files(files, preprocessing, len(names))
    return EvaluationImages(name, part, names, split, notes)


def _none_readable(count: int, reasons: Mapping[str, str]) -> ValueError:
    path, reason = next(iter(reasons.items()))
    return ValueError(
        f"None of the {count:,} images can be read; one of them {reason}. "
        f"Received: {path}"
    )


def is_of_recipe(data: StrPath | PythonData | None, recipe: Data) -> bool:
    """Return whether `data` means the images of the recipe."""
    if data is None:
        return True
    if not isinstance(data, (str, os.PathLike)):
        return False
    if os.fspath(data) == recipe.name:
        return True
    named = [recipe.model_copy(update={"name": os.fspath(data)}), recipe]
    if not all(is_manifest(one.name) or is_folder(one) for one in named):
        return False
    paths = [Path(one.name).expanduser() for one in named]
    return all(path.exists() for path in paths) and os.path.samefile(*paths)


def _part_of(data: LabelledImages, part: str | None) -> EvaluationImages:
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    part = _chosen(splits, part, data.name)
    return EvaluationImages(data.name, part, data.labels, splits[part], data.notes)


def _given(
    data: PythonData,
    labels: tuple[str, ...],
    preprocessing: Preprocessing,
    part: str | None,
) -> EvaluationImages:
    parts, names = read_parts(data, preprocessing.input_shape[-1])
    if not isinstance(data, Mapping):
        parts = {UNDIVIDED: parts["train"]}
    part = _chosen(parts, part, FROM_PYTHON)
    given = parts[part]
    if names is None and given.labels.dtype.kind == "U":
        names = tuple(np.unique(given.labels).tolist())
    names = names or tuple(map(str, given.names or labels))
    split = given.split(class_numbers(given, names, part), len(names))
    return EvaluationImages(FROM_PYTHON, part, names, split)


def _chosen(splits: Mapping[str, object], part: str | None, source: str) -> str:
    """Return the split to use; raise an error if there is none of this name."""
    known = [name for name in ("test", "validation", UNDIVIDED) if name in splits]
    if part is None and known:
        return known[0]
    if part is not None and part in splits:
        return part
    there = _described(list(splits))
    raise ValueError(
        f"These images have no split '{part or 'test'}'; {there}. "
        f"Received: split={part!r} for {source}"
    )


def _described(splits: Sequence[str]) -> str:
    if list(splits) == [UNDIVIDED]:
        return "they are not divided, so leave out `split` to use all of them"
    return f"choose `split` from {', '.join(splits)}"
