"""A data set of tensorflow-datasets as encoded images."""

import contextlib
import functools
import io

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_resattn.data import fashion_mnist_sample  # noqa: F401 registers it
from keras_resattn.data.folder import Relabel
from keras_resattn.data.labelled_images import LabelledImages
from keras_resattn.data.labelled_images import encoded_split
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.data.random_seeds import shuffle
from keras_resattn.recipes.settings import Data

# Bytes of records from which the next one is drawn: 10,000 records of ImageNet.
SHUFFLE_BYTES = 2**30
ADVICE = {
    "cifar10": " (scripts/cifar10_from_npm.py makes it without the host of TFDS)",
    "imagenet2012": (
        " (its archives must be fetched from image-net.org by hand, into "
        "downloads/manual of that folder)"
    ),
}


def load_tfds(
    settings: Data, preprocessing: Preprocessing, relabel: Relabel | None = None
) -> LabelledImages:
    """Load a data set of tensorflow-datasets: see `keras_resattn.data.load`.

    Args:
        settings: A `keras_resattn.recipes.settings.Data`.
        preprocessing: The network's `Preprocessing`.
        relabel: Optional function of a label, the number of the example and
            the number of classes, which returns the label to train with.

    Returns:
        `LabelledImages`.

    Raises:
        FileNotFoundError: If the data set is absent.
        ValueError: If it has no pairs of an image and a class, or images of
            another number of channels.
    """
    builder = _prepared_builder(settings.name, settings.data_dir, settings.download)
    image, label = _supervised_keys(builder)
    features = builder.info.features
    image_shape = features[image].shape
    if image_shape[-1] != preprocessing.input_shape[-1]:
        raise ValueError(
            f"The images of '{settings.name}' have {image_shape[-1]} channels; set "
            "`network.input_shape` to match. "
            f"Received: input_shape={preprocessing.input_shape}"
        )

    def parse(number, record, relabel=None):
        skip = {image: tfds.decode.SkipDecoding()}
        example = features.deserialize_example(record, decoders=skip)
        number_of_class = example[label]
        if relabel:
            classes = features[label].num_classes
            number_of_class = relabel(number_of_class, number, classes)
        return example[image], number_of_class

    def split(instruction, relabel=None):
        read = _reader(builder, instruction, functools.partial(parse, relabel=relabel))
        count = builder.info.splits[instruction].num_examples
        return encoded_split(read, count, preprocessing.decode_prepared, image_shape)

    train, test = _instructions(builder)
    labels = tuple(features[label].names)
    return LabelledImages(settings.name, labels, split(train, relabel), split(test))


def _supervised_keys(builder):
    features = builder.info.features
    keys = builder.info.supervised_keys
    image, label = (features[key] for key in keys) if keys else (None, None)
    if not (
        isinstance(image, tfds.features.Image)
        and isinstance(label, tfds.features.ClassLabel)
        and label.num_classes
    ):
        raise ValueError(
            "This data set has no pairs of an image and a class. "
            f"Received: {builder.info.name}, with features {list(features)}"
        )
    return keys


def _instructions(builder):
    """Return the names of the training and the test split, as TFDS writes them."""
    splits = builder.info.splits
    if "train" not in splits:
        raise ValueError(
            "This data set has no split `train`. "
            f"Received: {builder.info.name}, with {list(splits)}"
        )
    # The test images of ImageNet have no labels.
    unlabelled = ("test",) if builder.name == "imagenet2012" else ()
    for test in ("test", "validation"):
        if test in splits and test not in unlabelled:
            return "train", test
    return "train[10%:]", "train[:10%]"


def _reader(builder, instruction, parse):
    """Return the function `read` of `encoded_split` for the files of a split."""
    if builder.info.file_format != tfds.core.FileFormat.TFRECORD:
        raise ValueError(
            "This data set is not in files of the format tfrecord; prepare it again. "
            f"Received: {builder.info.name} as {builder.info.file_format}"
        )
    split = builder.info.splits[instruction]
    whole = builder.info.splits[instruction.partition("[")[0]]
    share = min(1, SHUFFLE_BYTES / max(1, whole.num_bytes))
    files = split.file_instructions
    names = [str(file.filename) for file in files]
    skips, takes = np.array([(file.skip, file.take) for file in files], "int64").T
    starts = np.cumsum(takes) - takes
    shards = tf.data.Dataset.from_tensor_slices((names, skips, takes, starts))

    def records(name, skip, take, start):
        return tf.data.TFRecordDataset(name).skip(skip).take(take).enumerate(start)

    def read(seeds):
        if seeds is None:
            return shards.flat_map(records).map(parse, tf.data.AUTOTUNE)
        shuffled = shuffle(shards, len(files), seeds).interleave(
            records,
            cycle_length=16,
            block_length=16,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        buffer_size = int(share * split.num_examples) + 1
        shuffled = shuffle(shuffled, buffer_size, seeds_of(seeds, 0))
        return shuffled.map(parse, tf.data.AUTOTUNE)

    return read


def _prepared_builder(name, data_dir, download):
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        raise FileNotFoundError(
            "There is neither a folder nor a data set of tensorflow-datasets with "
            f"this name. Received: {name}"
        ) from error
    if builder.info.splits:
        return builder
    if isinstance(builder, fashion_mnist_sample.FashionMnistSample):
        _prepare_quietly(builder)
    elif download:
        _download(builder)
    else:
        # Without this error, tensorflow-datasets tries its host for minutes.
        raise FileNotFoundError(
            f"The data set '{name}' is not in {builder.data_dir}; allow its "
            f"download with `data.download: true`{ADVICE.get(builder.name, '')}, or "
            f"give the folder that has it as `data.data_dir`. Received: {name}"
        )
    return builder


def _download(builder):
    try:
        builder.download_and_prepare()
    except AssertionError as error:  # TFDS raises it for missing archives
        raise FileNotFoundError(f"{error} Received: {builder.name}") from error


def _prepare_quietly(builder):
    """Write the images of the package as records: it takes seconds."""
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare()
    finally:
        tfds.enable_progress_bar()
