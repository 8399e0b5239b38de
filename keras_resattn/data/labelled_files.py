"""Image files as labelled images."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from keras_resattn.data.divided_files import DividedFiles
from keras_resattn.data.divided_files import File
from keras_resattn.data.image_files import unreadable_images
from keras_resattn.data.labelled_images import LabelledImages
from keras_resattn.data.labelled_images import Relabel
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.labelled_images import encoded_split
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.random_seeds import shuffle
from keras_resattn.recipes.settings import Data
from keras_resattn.typing import Tensor

LISTED = 20


def load_files(
    found: DividedFiles,
    settings: Data,
    preprocessing: Preprocessing,
    relabel: Relabel | None = None,
) -> LabelledImages:
    """Make labelled images of files: see `keras_resattn.data.load`.

    Args:
        found: The files of each split.
        settings: A `keras_resattn.recipes.settings.Data`.
        preprocessing: The network's `Preprocessing`.
        relabel: Optional function of a label, the number of the example and
            the number of classes. It returns the label to train with.

    Returns:
        `LabelledImages`.

    Raises:
        ValueError: If no readable image of a class is left to train on.
    """
    splits = {"train": found.train, "validation": found.validation}
    if found.test is not found.validation:
        splits["test"] = found.test
    skipped: dict[str, str] = {}
    if settings.on_error == "skip":
        paths = [path for files in splits.values() for path, _ in files]
        skipped = unreadable_images(paths, preprocessing)
        splits = {
            name: [file for file in files if file[0] not in skipped]
            for name, files in splits.items()
        }
    if skipped:
        _check_all_classes(settings.name, found.labels, splits, tuple(skipped))
    classes = len(found.labels)
    train = split_of_files(splits["train"], preprocessing, classes, relabel)
    validation = split_of_files(splits["validation"], preprocessing, classes)
    test = validation
    if "test" in splits:
        test = split_of_files(splits["test"], preprocessing, classes)
    return LabelledImages(
        settings.name,
        found.labels,
        train,
        validation,
        test,
        tuple(skipped),
        tuple(skipped.values()),
        found.notes,
    )


def check_readable(data: LabelledImages, preprocessing: Preprocessing) -> None:
    """Decode all image files once; raise an error that lists unreadable ones.

    Args:
        data: `LabelledImages`. Nothing is done if they are not files.
        preprocessing: The `Preprocessing` to decode with.

    Raises:
        ValueError: If files cannot be read. The message lists the first 20.
    """
    reasons = unreadable_images(data.paths, preprocessing)
    if not reasons:
        return
    listed = [f"  {path} {reason}." for path, reason in reasons.items()][:LISTED]
    if len(reasons) > LISTED:
        listed.append(f"  and {len(reasons) - LISTED:,} more.")
    raise ValueError(
        f"{len(reasons):,} of {len(data.paths):,} images cannot be read:\n"
        + "\n".join(listed)
        + "\nReplace or remove them, or leave them out with "
        f"`--set data.on_error=skip`. Received: {data.name}"
    )


@contextlib.contextmanager
def naming_unreadable_images(
    data: LabelledImages, preprocessing: Preprocessing
) -> Iterator[None]:
    """Where reading the images of a folder fails, find and list the files."""
    try:
        yield
    except tf.errors.OpError:
        check_readable(data, preprocessing)
        raise


def split_of_files(
    files: Sequence[File],
    preprocessing: Preprocessing,
    classes: int,
    relabel: Relabel | None = None,
) -> Split:
    """Make a `Split` of image files.

    Args:
        files: The path of each image, and the number of its class.
        preprocessing: The network's `Preprocessing`.
        classes: The number of classes.
        relabel: See `load_files`.
    """
    paths, labels = zip(*files, strict=True)
    numbers = tf.range(len(paths), dtype=tf.int64)
    # Bytes, because the name of a file need not be valid Unicode.
    names = [os.fsencode(path) for path in paths]
    pairs = (numbers, names, tf.constant(labels, tf.int64))
    dataset = tf.data.Dataset.from_tensor_slices(pairs)

    def read_file(number: Tensor, path: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        if relabel:
            label = relabel(label, number, classes)
        return tf.io.read_file(path), label

    def read(seeds: Tensor | None) -> tf.data.Dataset:
        shuffled = dataset if seeds is None else shuffle(dataset, len(paths), seeds)
        return shuffled.map(read_file, tf.data.AUTOTUNE)

    counts = tuple(np.bincount(labels, minlength=classes).tolist())
    split = encoded_split(
        read, len(paths), preprocessing.decode, paths=paths, count_by_class=counts
    )
    return dataclasses.replace(split, path_labels=tuple(labels))


def _check_all_classes(
    source: str,
    labels: Sequence[str],
    splits: dict[str, list[File]],
    skipped: Sequence[str],
) -> None:
    left = {number for _, number in splits["train"]}
    empty = [label for number, label in enumerate(labels) if number not in left]
    untested = [name for name, files in splits.items() if not files]
    if empty or untested:
        what = f"train {', '.join(empty)}" if empty else f"be the {untested[0]} images"
        raise ValueError(
            f"No readable image is left to {what}; replace unreadable ones. "
            f"Received: {source} with {len(skipped)} unreadable, such as {skipped[0]}"
        )
