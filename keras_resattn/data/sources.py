"""Labelled images by one call: from TFDS, from folders, or bundled."""

import functools
import os
from pathlib import Path

from keras_resattn.data.folder import load_folder
from keras_resattn.data.label_noise import noisy_label
from keras_resattn.data.labelled_images import LabelledImages
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.tfds_source import load_tfds
from keras_resattn.recipes.settings import Data

__all__ = ["LabelledImages", "Split", "load"]


def load(settings, preprocessing, seed=0):
    """Load labelled images by the name of a data set or the path of a folder.

    Example:

    >>> preprocessing = Preprocessing((28, 28, 1))
    >>> sample = load("fashion_mnist_sample", preprocessing)
    >>> sample.train.count, sample.test.count, sample.labels[0]
    (10000, 2000, 'T-shirt/top')

    Args:
        settings: A `keras_resattn.recipes.settings.Data`, or its `name` alone: the path
            of a folder with one folder of images a class (or with two such
            folders, `train` and `test`), or the name of a data set of
            tensorflow-datasets, or `"fashion_mnist_sample"`, which is bundled.
            An existing folder wins. `data_dir` is where tensorflow-datasets
            keeps its files, `None` for its default, `~/tensorflow_datasets`;
            `download` says whether a data set that is not there yet may be
            downloaded. With `on_error="skip"`, each file of a folder is decoded
            once, and unreadable ones are left out. With `correct_labels` r
            below 1, a training label stays with probability r and else becomes
            one of the others, the same in every epoch.
        preprocessing: The network's `Preprocessing`, which states the number
            of channels.
        seed: Integer, from which the wrong labels follow, if there are any.

    Returns:
        `LabelledImages`. Its test images are the split `test`, else
        `validation`; else each tenth image is held out for it.

    Raises:
        FileNotFoundError: If the folder or the data set is absent.
        ValueError: If there are no classes, no images, or the number of
            channels differs from the network's.
    """
    if isinstance(settings, str):
        settings = Data(name=settings)
    relabel = None
    if settings.correct_labels < 1:
        relabel = functools.partial(
            noisy_label, correct=settings.correct_labels, seed=seed
        )
    path = Path(settings.name).expanduser()
    if path.is_dir():
        return load_folder(path, settings, preprocessing, relabel)
    if settings.name.startswith((".", "~", os.sep)):
        raise FileNotFoundError(
            "There is no such folder; give a folder with one folder of images a "
            f"class, or a data set's name. Received: {settings.name}"
        )
    if settings.on_error == "skip":
        raise ValueError(
            "Unreadable images can be left out of folders only; set `data.on_error: "
            f"stop`. Received: on_error='skip' for the data set '{settings.name}'"
        )
    return load_tfds(settings, preprocessing, relabel)
