"""The orientation that EXIF notes: how a camera was held."""

import tensorflow as tf

from keras_resattn.data.formats.byte_values import big_endian
from keras_resattn.data.formats.byte_values import little_endian
from keras_resattn.data.formats.byte_values import separate_function
from keras_resattn.typing import Tensor

ORIENTATION = 0x0112
BYTE, LONG = 1, 4
ENTRY_BYTES = 12
UPRIGHT = 1
TRANSPOSED = 5  # from here on
# What is left to do once 5 to 8 are transposed.
UPSIDE_DOWN, MIRRORED = (3, 4, 7, 8), (2, 3, 6, 7)

# EXIF of a photograph has some 30 entries in the part that is read.
MOST_ENTRIES = 1000


@separate_function
def exif_orientation(exif: Tensor) -> Tensor:
    """Return the orientation in EXIF data.

    Args:
        exif: A scalar string tensor, the data from the byte order on (`II` or
            `MM`).

    Returns:
        A scalar int64 tensor, 1 to 8; 1, upright, where none is noted or the
        data is damaged.
    """
    little = tf.strings.substr(exif + b"  ", 0, 4) == b"II*\0"
    big = tf.strings.substr(exif + b"  ", 0, 4) == b"MM\0*"
    upright = tf.constant(UPRIGHT, tf.int64)
    return tf.cond(little | big, lambda: _orientation_in(exif, little), lambda: upright)


def orient(image: Tensor, orientation: Tensor) -> Tensor:
    """Return an image `(h, w, channels)` upright."""
    return tf.cond(
        orientation > UPRIGHT, lambda: _turned(image, orientation), lambda: image
    )


def _orientation_in(exif, little):
    data = tf.io.decode_raw(exif + b"\0" * 8, tf.uint8)
    size = tf.size(data, tf.int64)

    def number(part, start, count):
        return tf.where(
            little, little_endian(part, start, count), big_endian(part, start, count)
        )

    start = tf.minimum(number(data, 4, 4), size - 2)
    count = tf.minimum(number(data, start, 2), MOST_ENTRIES)
    count = tf.minimum(count, (size - 2 - start) // ENTRY_BYTES)
    table = data[start + 2 : start + 2 + ENTRY_BYTES * count]
    entries = tf.cast(tf.reshape(table, (count, ENTRY_BYTES)), tf.int64)
    first, second = entries[:, 0], entries[:, 1]
    tags = tf.where(little, first + 256 * second, 256 * first + second)
    is_orientation = tags == ORIENTATION

    def value():
        entry = entries[tf.argmax(is_orientation)]
        kind = number(entry, 2, 2)
        value = tf.where(kind == LONG, number(entry, 8, 4), number(entry, 8, 2))
        return tf.where(kind == BYTE, entry[8], value)

    found = tf.cond(
        tf.reduce_any(is_orientation), value, lambda: tf.constant(0, tf.int64)
    )
    return tf.where((found >= 1) & (found <= 8), found, UPRIGHT)


@separate_function
def _turned(image, orientation):
    image = tf.cond(
        orientation >= TRANSPOSED, lambda: tf.transpose(image, (1, 0, 2)), lambda: image
    )
    flips = [
        tf.reduce_any(orientation == tf.constant(those, tf.int64))
        for those in (UPSIDE_DOWN, MIRRORED)
    ]
    axes = tf.boolean_mask([0, 1], tf.stack(flips))
    return tf.reverse(image, axes)
