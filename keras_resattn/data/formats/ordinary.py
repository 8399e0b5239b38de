"""Most files are PNG or JPEG, whole and upright: these are read faster.

Little here branches. In `tf.data`, a branch takes as long as the decoding of a small
image.
"""

from collections.abc import Callable

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


def decode_if_ordinary(
    content: Tensor,
    max_pixels: int | Tensor,
    least: int | None,
    otherwise: Callable[[], tuple[Tensor, Tensor]],
) -> tuple[Tensor, Tensor]:
    """Return the image of an ordinary PNG or JPEG, or what another function returns.

    Args:
        content: A scalar string tensor.
        max_pixels: Integer, how many pixels an image may have.
        least: See `keras_resattn.data.decoding.decode_or_refuse`.
        otherwise: A function for any other file.

    Returns:
        A uint8 RGB image `(h, w, 3)`, and what is wrong with the file: nothing, "".
    """
    size = ordinary_jpeg_size(content)
    is_ordinary = is_ordinary_png(content, max_pixels) | _is_within(size, max_pixels)

    # One branch for each ratio: another one within a branch would take longer.
    def decoder(ratio):
        return lambda: (jpeg.decode_at(content, ratio), tf.constant(""))

    branches = [decoder(ratio) for ratio in jpeg.RATIOS[: 1 if least is None else None]]
    scale = jpeg.scale_for(size, least)
    return tf.switch_case(
        tf.where(is_ordinary, scale, len(branches)), [*branches, otherwise]
    )


def is_ordinary_png(content: Tensor, max_pixels: int | Tensor) -> Tensor:
    """Return whether a file is a whole PNG, without EXIF and of few enough pixels."""
    first = first_bytes(content, 24)
    width, height = numbers_at(first, png.SIZE, big_endian=True)
    has_end, _ = split_at(content, png.END)
    has_exif, _ = split_at(content, png.EXIF)
    is_png = has_at(first, 0, READ["PNG"])
    return is_png & has_end & ~has_exif & _is_within((height, width), max_pixels)


def is_ordinary_jpeg(content: Tensor, max_pixels: int | Tensor) -> Tensor:
    """Return the same of a JPEG: whole, without EXIF and of few enough pixels."""
    return _is_within(ordinary_jpeg_size(content), max_pixels)


def ordinary_jpeg_size(content: Tensor) -> Tensor:
    """Return the height and width of a whole JPEG without EXIF, otherwise zeros."""
    is_jpeg = has_at(first_bytes(content, 3), 0, READ["JPEG"])
    has_exif, _ = split_at(content, jpeg.EXIF)
    is_ordinary = is_jpeg & jpeg.ends_properly(content) & ~has_exif
    shape = tf.image.extract_jpeg_shape(
        tf.where(is_ordinary, content, JPEG_HEADER), tf.int64
    )
    return tf.where(is_ordinary, shape[:2], 0)


def decode_ordinary(content: Tensor) -> Tensor:
    """Return the uint8 RGB image `(h, w, 3)` of an ordinary PNG or JPEG."""
    # The operation decodes both.
    return jpeg.decode_at(content)


def _is_within(size, max_pixels):
    pixels = size[0] * size[1]
    return (pixels > 0) & (pixels <= tf.cast(max_pixels, tf.int64))
