"""A data set of labelled images, wherever it comes from."""

import collections
import dataclasses
import re
from collections.abc import Callable
from collections.abc import Sequence

import tensorflow as tf

from keras_resattn.data.class_names import check_class_names
from keras_resattn.typing import Tensor

# A function of a label, the number of the example and the number of classes.
Relabel = Callable[[Tensor, Tensor, int], Tensor]

SAME_IMAGES = "The validation images are also the test images."


@dataclasses.dataclass(frozen=True)
class Split:
    """A part of a data set.

    Attributes:
        images: A `tf.data.Dataset` of pairs, in order: a uint8 image
            `(h, w, channels)` and its int64 label.
        count: The number of images.
        paths: The files of the images, if they come from files.
        path_labels: The number of the class of each of these files.
        count_by_class: The number of images of each class, if it is known without
            reading the images.
        encoded: A function of int64 seeds `(2,)`, called inside functions of
            `tf.data`. It returns a `tf.data.Dataset` of pairs of an image's
            bytes and its label, in an order that follows from the seeds. `None`
            if there are only decoded images.
        decode: A function from what `encoded` gives to an image.
    """

    images: tf.data.Dataset
    count: int
    paths: tuple[str, ...] = ()
    encoded: Callable[[Tensor | None], tf.data.Dataset] | None = None
    decode: Callable[[Tensor], Tensor] = tf.identity
    count_by_class: tuple[int, ...] = ()
    path_labels: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class LabelledImages:
    """A data set of labelled images.

    Attributes:
        name: What it was loaded by.
        labels: The names of the classes, in the order of their numbers.
        train: The `Split` to train on.
        validation: The `Split` to test on after each epoch.
        test: The `Split` to test on at the end. The same object as `validation` if
            the data has only one set for both.
        skipped: The paths of images that were left out as unreadable.
        reasons: For each of these the reason, such as "is empty; ...".
        notes: Sentences about other files that were left out, and about the splits.
    """

    name: str
    labels: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    skipped: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_class_names(self.labels, self.name)

    @property
    def splits(self) -> dict[str, Split]:
        """The different splits by name; "test" is absent if it is the validation."""
        splits = {"training": self.train, "validation": self.validation}
        return splits if self.test is self.validation else splits | {"test": self.test}

    @property
    def paths(self) -> tuple[str, ...]:
        """The files of all images, if they come from files."""
        return sum((split.paths for split in self.splits.values()), start=())

    @property
    def skipped_by_reason(self) -> str:
        """The number of unreadable images by reason, such as "2 cut off, 1 empty"."""
        counts = collections.Counter(_in_short(reason) for reason in self.reasons)
        return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())


def _in_short(reason: str) -> str:
    if reason.startswith("is not "):  # any of the formats that are read
        return "not an image"
    return re.split("[:;,(]", reason)[0].strip().removeprefix("is ")


def encoded_split(
    read: Callable[[Tensor | None], tf.data.Dataset],
    count: int,
    decode: Callable[[Tensor], Tensor],
    image_shape: Sequence[int | None] = (None,) * 3,
    paths: Sequence[str] = (),
    count_by_class: tuple[int, ...] = (),
) -> Split:
    """Make a `Split` of encoded images.

    Args:
        read: A function of int64 seeds `(2,)` or `None`: see `Split.encoded`.
            For `None` it returns the images in order.
        count: The number of images.
        decode: A function from an image's bytes to the image.
        image_shape: The shape of all images, as far as it is known.
        paths: The files of the images, if there are any.
        count_by_class: The number of images of each class, if it is known.
    """

    def decode_known(content: Tensor) -> Tensor:
        return tf.ensure_shape(decode(content), image_shape)

    def decode_pair(content: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        return decode_known(content), label

    images = read(None).map(decode_pair, tf.data.AUTOTUNE)
    return Split(images, count, tuple(paths), read, decode_known, count_by_class)
