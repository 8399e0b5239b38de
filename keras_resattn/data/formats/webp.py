"""WebP: lossy and lossless, with or without transparency; no animations."""

import tensorflow as tf

from keras_resattn.data.formats.byte_values import Header
from keras_resattn.data.formats.byte_values import all_bytes
from keras_resattn.data.formats.byte_values import first_bytes
from keras_resattn.data.formats.byte_values import has_at
from keras_resattn.data.formats.byte_values import little_endian
from keras_resattn.data.formats.byte_values import numbers_at
from keras_resattn.data.formats.byte_values import separate_function
from keras_resattn.data.formats.exif import exif_orientation
from keras_resattn.typing import Tensor

LOSSY, LOSSLESS, EXTENDED = b"VP8 ", b"VP8L", b"VP8X"
ANIMATION, EXIF = 0x02, 0x08  # flags of an extended file

# Some writers begin the chunk as JPEG does.
JPEG_PREFIX = b"Exif\0\0"
MOST_CHUNKS = 100


@separate_function
def read_header(content: Tensor) -> Header:
    """Return what the first chunk of a WebP states."""
    first = first_bytes(content, 32)
    is_lossy = has_at(first, 12, LOSSY)
    is_lossless = has_at(first, 12, LOSSLESS)
    is_extended = has_at(first, 12, EXTENDED)
    width, height = _size(first, is_lossy, is_lossless, is_extended)
    length = tf.cast(tf.strings.length(content), tf.int64)
    has_exif = is_extended & (first[20] // EXIF % 2 > 0)
    return Header(
        width=width,
        height=height,
        orientation=tf.cond(
            has_exif, lambda: _orientation(content), lambda: tf.constant(1, tf.int64)
        ),
        is_whole=numbers_at(first, [(4, 4)])[0] + 8 <= length,
        refusal=tf.where(
            is_extended & (first[20] // ANIMATION % 2 > 0), "is an animated WebP", ""
        ),
    )


@separate_function
def decode(content: Tensor) -> Tensor:
    """Return the image of a WebP without transparency."""
    # With 0 the number of channels is the file's, 3 or 4.
    image = tf.io.decode_image(content, 0, expand_animations=False)
    return tf.ensure_shape(image[..., :3], (None, None, 3))


def _size(first, is_lossy, is_lossless, is_extended):
    fields = [(26, 2), (28, 2), (21, 4), (24, 3), (27, 3)]
    lossy_width, lossy_height, bits, width, height = numbers_at(first, fields)
    choices = [
        (is_lossy, lossy_width % 2**14, lossy_height % 2**14),
        (is_lossless, bits % 2**14 + 1, bits // 2**14 % 2**14 + 1),
        (is_extended, width + 1, height + 1),
    ]
    zero = tf.constant(0, tf.int64)
    sizes = [tf.where(chosen, [x, y], zero) for chosen, x, y in choices]
    return tf.unstack(tf.add_n(sizes))


def _orientation(content):
    data, end = all_bytes(content)

    def more(step, position):
        is_exif = has_at(data, position, b"EXIF")
        return (step < MOST_CHUNKS) & (position < end) & ~is_exif

    def read(step, position):
        size = little_endian(data, position + 4, 4)
        return step + 1, tf.minimum(position + 8 + size + size % 2, end)

    _, position = tf.while_loop(more, read, (0, tf.constant(12, tf.int64)))
    has_prefix = has_at(data, position + 8, JPEG_PREFIX)
    begin = position + 8 + len(JPEG_PREFIX) * tf.cast(has_prefix, tf.int64)
    begin = tf.minimum(begin, end)
    return exif_orientation(tf.strings.substr(content, begin, end - begin))
