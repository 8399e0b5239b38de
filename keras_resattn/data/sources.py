"""Labelled images by one call: from TFDS, from folders, from a CSV file, or bundled."""

import dataclasses
import functools
import os
from pathlib import Path

from keras_resattn.data.class_folders import find_class_folders
from keras_resattn.data.label_noise import noisy_label
from keras_resattn.data.labelled_files import load_files
from keras_resattn.data.labelled_images import LabelledImages
from keras_resattn.data.labelled_images import Relabel
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.manifest import divide_manifest
from keras_resattn.data.manifest import is_manifest
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.tfds_source import is_data_set
from keras_resattn.data.tfds_source import load_tfds
from keras_resattn.recipes.settings import FROM_PYTHON
from keras_resattn.recipes.settings import VERSION_0_1
from keras_resattn.recipes.settings import Data

__all__ = ["LabelledImages", "Split", "is_folder", "load"]


def load(
    settings: Data | str, preprocessing: Preprocessing, seed: int = 0
) -> LabelledImages:
    """Load labelled images by the name of a data set or the path of a folder.

    Example:

    >>> preprocessing = Preprocessing((28, 28, 1))
    >>> sample = load("fashion_mnist_sample", preprocessing)
    >>> sample.train.count, sample.test.count, sample.labels[0]
    (10000, 2000, 'T-shirt/top')

    Args:
        settings: A `keras_resattn.recipes.settings.Data`, or only its `name`, which is

            * the path of a folder with one folder of images per class, or with
              folders for splits: see
              `keras_resattn.data.class_folders.find_class_folders`;
            * the path of a CSV file with the columns `path`, `label` and optionally
              `split`: see `keras_resattn.data.manifest.read_manifest`;
            * the name of a data set of tensorflow-datasets;
            * `"fashion_mnist_sample"`, which is part of the package.

            If a name without a slash is both a folder and a data set, the data set
            is loaded; write `./NAME` for the folder.

            `data_dir` is where tensorflow-datasets keeps its files, by default
            `~/tensorflow_datasets`. `download` allows the download of a data set.
            `validation` is the share of the training images that is held out for
            validation. With `on_error="skip"`, each image file is decoded once, and
            unreadable ones are left out. With `correct_labels` r below 1, a training
            label stays with probability r, and otherwise becomes one of the others,
            the same in every epoch.
        preprocessing: The network's `Preprocessing`, which states the number
            of channels.
        seed: Integer, the random seed for held-out images of folders and for wrong
            labels.

    Returns:
        `LabelledImages`.

    Raises:
        FileNotFoundError: If the folder, the file or the data set is absent.
        ValueError: If there are no classes, no images, or the number of
            channels differs from the network's.
    """
    if isinstance(settings, str):
        settings = Data(name=settings)
    relabel = relabel_of(settings, seed)
    if settings.name == FROM_PYTHON:
        raise ValueError(
            "The images of this run were given in Python, and the run does not store "
            "them. Give them again with `data=` of `keras_resattn.training.fit`; for "
            "a trained model, give a folder, a CSV file or the name of a data set. "
            f"Received: data.name={settings.name!r}"
        )
    path = Path(settings.name).expanduser()
    if is_manifest(settings.name):
        found = divide_manifest(path, settings.validation, seed)
        return load_files(found, settings, preprocessing, relabel)
    if is_folder(settings):
        found = find_class_folders(path, settings.validation, seed)
        return load_files(found, settings, preprocessing, relabel)
    if path.is_file():
        raise ValueError(
            "This is a file; give a folder with one folder of images per class, a CSV "
            "file whose name ends in .csv, or the name of a data set. "
            f"Received: {settings.name}"
        )
    if _is_path(settings.name):
        raise FileNotFoundError(
            "There is no such folder; give a folder with one folder of images per "
            "class, a CSV file that lists images, or the name of a data set. A "
            f"relative path begins at {Path.cwd()}. Received: {settings.name}"
        )
    note = ""
    if path.is_dir():
        note = f"There is also a folder '{path}'; data.name=./{path} loads it."
    if settings.on_error == "skip":
        raise ValueError(
            "Only image files can be left out; set `data.on_error: stop`. "
            f"{note}{' ' * bool(note)}"
            f"Received: on_error='skip' for the data set '{settings.name}'"
        )
    try:
        data = load_tfds(settings, preprocessing, relabel)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{note} {error}".strip()) from error
    return dataclasses.replace(data, notes=(note,) * bool(note) + data.notes)


def relabel_of(settings: Data, seed: int) -> Relabel | None:
    """Return the function that makes labels wrong, or `None` if all are to stay."""
    if settings.correct_labels == 1:
        return None
    return functools.partial(noisy_label, correct=settings.correct_labels, seed=seed)


def is_folder(settings: Data) -> bool:
    """Return whether the name of the data is loaded as a folder.

    A folder that exists is loaded if the name has a slash or begins with "." or "~",
    or if there is no data set of this name. In version 0.1 every folder that existed
    was loaded.

    Args:
        settings: A `keras_resattn.recipes.settings.Data`.
    """
    if not Path(settings.name).expanduser().is_dir():
        return False
    return (
        os.sep in settings.name
        or _is_path(settings.name)
        or settings.validation == VERSION_0_1
        or not is_data_set(settings.name, settings.data_dir)
    )


def _is_path(name: str) -> bool:
    return name.startswith((".", "~", os.sep))
