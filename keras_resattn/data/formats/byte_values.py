"""Numbers and patterns in the bytes of a file, as TensorFlow operations."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_resattn.typing import Tensor

# Reading a few bytes beyond the end of a file gives zeros.
MARGIN = 16

# For what runs for few images only: a function of its own is one operation of the
# graph that calls it, and costs nothing where it is not called.
separate_function = functools.partial(
    tf.function, autograph=False, experimental_attributes={"_noinline": True}
)


class Header(NamedTuple):
    """What the bytes of an image file state before it is decoded.

    Attributes:
        width: Scalar int64, in pixels, before the orientation is applied.
        height: Scalar int64, in pixels.
        orientation: Scalar int64, 1 to 8, as EXIF numbers them.
        is_whole: Scalar bool, False if the end of the file is missing.
        refusal: Scalar string, the reason why this variant of the format is not
            read; empty if it is read.
    """

    width: Tensor
    height: Tensor
    orientation: Tensor
    is_whole: Tensor
    refusal: Tensor


def first_bytes(content: Tensor, count: int) -> Tensor:
    """Return the first bytes as int64 `(count,)`, filled up with zeros."""
    filled = tf.strings.substr(content, 0, count) + b"\0" * count
    raw = tf.io.decode_raw(tf.strings.substr(filled, 0, count), tf.uint8)
    return tf.cast(tf.ensure_shape(raw, (count,)), tf.int64)


def all_bytes(content: Tensor) -> tuple[Tensor, Tensor]:
    """Return all bytes, uint8, with `MARGIN` zeros after them, and their number."""
    data = tf.io.decode_raw(content + b"\0" * MARGIN, tf.uint8)
    return data, tf.size(data, tf.int64) - MARGIN


def numbers_at(
    data: Tensor, fields: Sequence[tuple[int, int]], big_endian: bool = False
) -> list[Tensor]:
    """Return numbers at fixed places as scalar int64 tensors.

    Args:
        data: The bytes, an integer tensor `(n,)` of known length.
        fields: For each number its place and how many bytes it has.
        big_endian: Boolean, whether the highest byte is the first.
    """
    weights = np.zeros((len(fields), data.shape[0]), "int64")
    for i, (start, count) in enumerate(fields):
        values = 256 ** np.arange(count)
        weights[i, start : start + count] = values[::-1] if big_endian else values
    # One operation for all of them keeps the graph small.
    return tf.unstack(tf.reduce_sum(weights * tf.cast(data, tf.int64), axis=1))


def little_endian(data: Tensor, start: Tensor, count: int) -> Tensor:
    """Return `count` bytes from `start` on as one int64."""
    return numbers_at(_part(data, start, count), [(0, count)])[0]


def big_endian(data: Tensor, start: Tensor, count: int) -> Tensor:
    """Return `count` bytes from `start` on as one int64, the highest byte first."""
    return numbers_at(_part(data, start, count), [(0, count)], big_endian=True)[0]


def _part(data, start, count):
    return tf.ensure_shape(tf.slice(data, [start], [count]), (count,))


def has_at(data: Tensor, start: int | Tensor, expected: bytes) -> Tensor:
    """Return whether the bytes from `start` on are `expected`, a scalar bool."""
    part = tf.cast(data[start : start + len(expected)], tf.uint8)
    return tf.reduce_all(part == tf.constant(list(expected), tf.uint8))


def split_at(content: Tensor, pattern: bytes) -> tuple[Tensor, Tensor]:
    """Return whether bytes contain a pattern, and what follows its first place."""
    pieces = tf.raw_ops.StringSplitV2(input=content[None], sep=pattern, maxsplit=1)
    rest = tf.strings.reduce_join(pieces.values[1:])
    return tf.size(pieces.values) > 1, rest
