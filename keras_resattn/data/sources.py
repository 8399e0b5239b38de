"""Labelled images by one call: from TFDS, from folders, or bundled."""

import contextlib
import dataclasses
import io
import os
from pathlib import Path

import tensorflow as tf
import tensorflow_datasets as tfds

from keras_resattn.data import fashion_mnist_sample  # noqa: F401 registers it
from keras_resattn.data.folder import load_folder


@dataclasses.dataclass(frozen=True)
class Split:
    """A part of a data set.

    Attributes:
        images: A `tf.data.Dataset` of pairs: a uint8 image `(h, w, channels)`
            and its int64 label.
        count: The number of images.
        paths: The files of the images, if they come from a folder.
    """

    images: tf.data.Dataset
    count: int
    paths: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class LabelledImages:
    """A data set of labelled images.

    Attributes:
        name: What it was loaded by.
        labels: The names of the classes, in the order of their numbers.
        train: The `Split` to train on.
        test: The `Split` to test on.
    """

    name: str
    labels: tuple[str, ...]
    train: Split
    test: Split


def load(name, preprocessing, data_dir=None, download=False):
    """Load labelled images by the name of a data set or the path of a folder.

    Example:

    >>> preprocessing = Preprocessing((28, 28, 1))
    >>> sample = load("fashion_mnist_sample", preprocessing)
    >>> sample.train.count, sample.test.count, sample.labels[0]
    (10000, 2000, 'T-shirt/top')

    Args:
        name: The path of a folder with one folder of images a class (or with
            two such folders, `train` and `test`), or the name of a data set of
            tensorflow-datasets, or `"fashion_mnist_sample"`, which is bundled.
            An existing folder wins.
        preprocessing: The network's `Preprocessing`, which states the number
            of channels.
        data_dir: Where tensorflow-datasets keeps its files, `None` for its
            default, `~/tensorflow_datasets`.
        download: Boolean, whether a data set that is not in `data_dir` yet may
            be downloaded.

    Returns:
        `LabelledImages`. Its test images are the split `test`, else
        `validation`; else each tenth image is held out for it.

    Raises:
        FileNotFoundError: If the folder or the data set is absent.
        ValueError: If there are no classes, no images, or the number of
            channels differs from the network's.
    """
    if Path(name).expanduser().is_dir():
        labels, splits = load_folder(Path(name).expanduser())
        train, test = (_from_files(files, preprocessing) for files in splits)
        return LabelledImages(name, labels, train, test)
    if name.startswith((".", "~", os.sep)):
        raise FileNotFoundError(
            "There is no such folder; give a folder with one folder of images a "
            f"class, or a data set's name. Received: {name}"
        )
    return _from_tfds(name, preprocessing, data_dir, download)


def _from_files(files, preprocessing):
    paths, numbers = zip(*files, strict=True)
    pairs = tf.data.Dataset.from_tensor_slices((list(paths), list(numbers)))

    def read(path, number):
        return preprocessing.decode(tf.io.read_file(path)), tf.cast(number, tf.int64)

    images = pairs.map(read, tf.data.AUTOTUNE)
    return Split(images, len(paths), paths)


def _from_tfds(name, preprocessing, data_dir, download):
    builder = _prepared_builder(name, data_dir, download)
    keys = builder.info.supervised_keys
    image, label = (builder.info.features[key] for key in keys or (None, None))
    if not isinstance(label, tfds.features.ClassLabel):
        raise ValueError(
            "This data set has no pairs of an image and a class. "
            f"Received: {name}, with features {list(builder.info.features)}"
        )
    if image.shape[-1] != preprocessing.input_shape[-1]:
        raise ValueError(
            f"The images of '{name}' have {image.shape[-1]} channels; set "
            "`network.input_shape` to match. "
            f"Received: input_shape={preprocessing.input_shape}"
        )
    sizes = {split: info.num_examples for split, info in builder.info.splits.items()}
    train, test = "train", "test" if "test" in sizes else "validation"
    if test not in sizes:
        train, test = "train[10%:]", "train[:10%]"

    def split(instruction):
        images = builder.as_dataset(split=instruction, as_supervised=True)
        return Split(images, builder.info.splits[instruction].num_examples)

    return LabelledImages(name, tuple(label.names), split(train), split(test))


def _prepared_builder(name, data_dir, download):
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        raise FileNotFoundError(
            "There is neither a folder nor a data set of tensorflow-datasets of "
            f"this name. Received: {name}"
        ) from error
    if builder.info.splits:
        return builder
    if isinstance(builder, fashion_mnist_sample.FashionMnistSample):
        _prepare_quietly(builder)
    elif download:
        builder.download_and_prepare()
    else:
        # Said here, since tensorflow-datasets would try its host for minutes.
        raise FileNotFoundError(
            f"The data set '{name}' is not in {builder.data_dir} yet; allow its "
            "download with `data.download: true`, or give the folder that has it "
            f"as `data.data_dir`. Received: {name}"
        )
    return builder


def _prepare_quietly(builder):
    """Write the bundled images as records: seconds, worth no progress bars."""
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare()
    finally:
        tfds.enable_progress_bar()
