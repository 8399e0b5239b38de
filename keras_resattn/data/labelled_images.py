"""A data set of labelled images, wherever it comes from."""

import collections
import dataclasses
import re
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Split:
    """A part of a data set.

    Attributes:
        images: A `tf.data.Dataset` of pairs, in order: a uint8 image
            `(h, w, channels)` and its int64 label.
        count: The number of images.
        paths: The files of the images, if they come from a folder.
        encoded: A function of int64 seeds `(2,)`, called inside functions of
            `tf.data`. It returns a `tf.data.Dataset` of pairs of an image's
            bytes and its label, in an order that follows from the seeds. `None`
            if there are but decoded images.
        decode: A function from what `encoded` gives to an image.
    """

    images: tf.data.Dataset
    count: int
    paths: tuple[str, ...] = ()
    encoded: Callable | None = None
    decode: Callable = tf.identity


@dataclasses.dataclass(frozen=True)
class LabelledImages:
    """A data set of labelled images.

    Attributes:
        name: What it was loaded by.
        labels: The names of the classes, in the order of their numbers.
        train: The `Split` to train on.
        test: The `Split` to test on.
        skipped: The paths of images that were left out as unreadable.
        reasons: For each of these the reason, such as "is empty; ...".
    """

    name: str
    labels: tuple[str, ...]
    train: Split
    test: Split
    skipped: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def skipped_by_reason(self) -> str:
        """How many images were left out why, such as "2 cut off, 1 empty"."""
        reasons = (re.split("[:;,(]", reason)[0].strip() for reason in self.reasons)
        counts = collections.Counter(reason.removeprefix("is ") for reason in reasons)
        return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())


def encoded_split(read, count, preprocessing, image_shape=(None,) * 3, paths=()):
    """Make a `Split` of encoded images.

    Args:
        read: A function of int64 seeds `(2,)` or `None`: see `Split.encoded`.
            For `None` it returns the images in order.
        count: The number of images.
        preprocessing: The `Preprocessing` to decode with.
        image_shape: The shape of all images, as far as it is known.
        paths: The files of the images, if there are any.
    """

    def decode(content):
        return tf.ensure_shape(preprocessing.decode(content), image_shape)

    def decode_pair(content, label):
        return decode(content), label

    images = read(None).map(decode_pair, tf.data.AUTOTUNE)
    return Split(images, count, paths, read, decode)
