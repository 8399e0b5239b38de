"""Load labelled images: from tensorflow-datasets, a folder, or the package."""

import functools
import os
from pathlib import Path

from keras_resattn.data.folder import load_folder
from keras_resattn.data.label_noise import noisy_label
from keras_resattn.data.labelled_images import LabelledImages
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.tfds_source import load_tfds
from keras_resattn.recipes.settings import Data

__all__ = ["LabelledImages", "Split", "load"]


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
        settings: A `keras_resattn.recipes.settings.Data`, or its `name` alone.

            * `name` is the path of a folder with one folder of images per class
              (or with two such folders, `train` and `test`), the name of a data
              set of tensorflow-datasets, or `"fashion_mnist_sample"`, which is
              in the package. An existing folder is preferred.
            * `data_dir` is where tensorflow-datasets keeps its files, `None` for
              its default, `~/tensorflow_datasets`.
            * `download` allows the download of a data set that is missing.
            * `on_error="skip"` decodes each file of a folder once and leaves out
              unreadable ones.
            * `correct_labels` r below 1 keeps a training label with probability
              r. Otherwise it is replaced by another one, the same in every
              epoch.
        preprocessing: The network's `Preprocessing`, which states the number
            of channels.
        seed: Integer, the random seed of wrong labels, if there are any.

    Returns:
        `LabelledImages`. Its test images are the split `test` or, without it,
        `validation`. Without both, every tenth image is held out.

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
            "There is no such folder; give a folder with one folder of images per "
            f"class, or a data set's name. Received: {settings.name}"
        )
    if settings.on_error == "skip":
        raise ValueError(
            "Only unreadable images of folders can be left out; set `data.on_error: "
            f"stop`. Received: on_error='skip' for the data set '{settings.name}'"
        )
    return load_tfds(settings, preprocessing, relabel)
