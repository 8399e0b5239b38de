"""A data set of labelled images, of any source."""

import collections
import dataclasses
import re
from collections.abc import Callable
from collections.abc import Sequence

import tensorflow as tf

from keras_resattn.typing import Tensor


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
            if the images are already decoded.
        decode: A function from the bytes of `encoded` to an image.
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
        name: The name or the path that it was loaded by.
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


def encoded_split(
    read: Callable[[Tensor | None], tf.data.Dataset],
    count: int,
    decode: Callable[[Tensor], Tensor],
    image_shape: Sequence[int | None] = (None,) * 3,
    paths: Sequence[str] = (),
) -> Split:
    """Make a `Split` of encoded images.

    Args:
        read: A function of int64 seeds `(2,)` or `None`: see `Split.encoded`.
            For `None` it returns the images in order.
        count: The number of images.
        decode: A function from an image's bytes to the image.
        image_shape: The shape of all images, as far as it is known.
        paths: The files of the images, if there are any.
    """

    def decode_known(content):
        return tf.ensure_shape(decode(content), image_shape)

    def decode_pair(content, label):
        return decode_known(content), label

    images = read(None).map(decode_pair, tf.data.AUTOTUNE)
    return Split(images, count, tuple(paths), read, decode_known)
