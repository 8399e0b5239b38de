"""PNG: grey, colours, palettes, 1 to 16 bits, interlaced or not."""

import tensorflow as tf

from keras_resattn.data.formats.byte_values import Header
from keras_resattn.data.formats.byte_values import first_bytes
from keras_resattn.data.formats.byte_values import numbers_at
from keras_resattn.data.formats.byte_values import separate_function
from keras_resattn.data.formats.byte_values import split_at
from keras_resattn.data.formats.exif import exif_orientation
from keras_resattn.typing import Tensor

SIZE = [(16, 4), (20, 4)]
END = b"IEND\xaeB`\x82"
EXIF = b"eXIf"
EXIF_BYTE_ORDERS = (b"II*\0", b"MM\0*")


@separate_function
def read_header(content: Tensor) -> Header:
    """Return what the bytes of a PNG state."""
    width, height = numbers_at(first_bytes(content, 24), SIZE, big_endian=True)
    is_whole, _ = split_at(content, END)
    return Header(
        width=width,
        height=height,
        orientation=_orientation(content),
        is_whole=is_whole,
        refusal=tf.constant(""),
    )


@separate_function
def decode(content: Tensor) -> Tensor:
    """Return the image of a PNG; of 16 bits the higher 8, without transparency."""
    return tf.io.decode_png(content, 3)


def _orientation(content):
    # A chunk of this name that begins as EXIF does not occur by chance: to look
    # for it is faster than to go through all chunks.
    exif = tf.constant(b"")
    for byte_order in EXIF_BYTE_ORDERS:
        found, rest = split_at(content, EXIF + byte_order)
        exif = tf.where(found, byte_order + rest, exif)
    return exif_orientation(exif)
