"""Most files are PNG or JPEG, whole and upright: these are read faster.

Nothing here branches. In `tf.data`, a branch takes as long as the decoding of a
small image.
"""

import tensorflow as tf

from keras_resattn.data.formats import jpeg
from keras_resattn.data.formats import png
from keras_resattn.data.formats.byte_values import first_bytes
from keras_resattn.data.formats.byte_values import has_at
from keras_resattn.data.formats.byte_values import numbers_at
from keras_resattn.data.formats.byte_values import split_at
from keras_resattn.data.formats.signatures import READ
from keras_resattn.typing import Tensor

# A JPEG of one pixel, as far as its size is read.
JPEG_HEADER = bytes.fromhex(
    "ffd8 ffc0000b080001000101011100 ffda0008010100003f00".replace(" ", "")
)


def is_ordinary(content: Tensor, max_pixels: int | Tensor) -> Tensor:
    """Return whether a file is a PNG or JPEG that `decode_ordinary` reads."""
    is_png = is_ordinary_png(content, max_pixels)
    return is_png | is_ordinary_jpeg(content, max_pixels)


def is_ordinary_png(content: Tensor, max_pixels: int | Tensor) -> Tensor:
    """Return whether a file is a whole PNG, without EXIF and of few enough pixels."""
    first = first_bytes(content, 24)
    width, height = numbers_at(first, png.SIZE, big_endian=True)
    has_end, _ = split_at(content, png.END)
    has_exif, _ = split_at(content, png.EXIF)
    is_png = has_at(first, 0, READ["PNG"])
    return is_png & has_end & ~has_exif & _is_within(width * height, max_pixels)


def is_ordinary_jpeg(content: Tensor, max_pixels: int | Tensor) -> Tensor:
    """Return the same of a JPEG: whole, without EXIF and of few enough pixels."""
    is_jpeg = has_at(first_bytes(content, 3), 0, READ["JPEG"])
    has_exif, _ = split_at(content, jpeg.EXIF)
    is_ordinary = is_jpeg & jpeg.ends_properly(content) & ~has_exif
    shape = tf.image.extract_jpeg_shape(
        tf.where(is_ordinary, content, JPEG_HEADER), tf.int64
    )
    return is_ordinary & _is_within(shape[0] * shape[1], max_pixels)


def decode_ordinary(content: Tensor) -> Tensor:
    """Return the uint8 RGB image `(h, w, 3)` of an ordinary PNG or JPEG."""
    # The operation decodes both.
    return tf.io.decode_jpeg(content, 3, dct_method=jpeg.DCT_METHOD)


def _is_within(pixels, max_pixels):
    return (pixels > 0) & (pixels <= tf.cast(max_pixels, tf.int64))
