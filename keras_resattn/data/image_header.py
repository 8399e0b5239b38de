"""Check the bytes of images before they are decoded.

A PNG of a few kilobytes can hold 50,000 x 50,000 pixels, and decoding it would
take gigabytes. Only TensorFlow's standard operations are used, so that the checks
are part of an exported model.
"""

from typing import NamedTuple

import tensorflow as tf

from keras_resattn.data.formats import bmp
from keras_resattn.data.formats import gif
from keras_resattn.data.formats import jpeg
from keras_resattn.data.formats import png
from keras_resattn.data.formats import webp
from keras_resattn.data.formats.byte_values import Header
from keras_resattn.data.formats.byte_values import separate_function
from keras_resattn.data.formats.signatures import ACCEPTED
from keras_resattn.data.formats.signatures import READ
from keras_resattn.data.formats.signatures import format_number
from keras_resattn.data.formats.signatures import other_format
from keras_resattn.typing import Tensor

# An image may have 50 million pixels: 8,000 x 6,250. At that size the decoded
# image and its float32 copy take 750 MB.
MAX_PIXELS = 50_000_000

# In the order of `READ`.
MODULES = (png, jpeg, gif, bmp, webp)

CONVERT = "; convert it to PNG or JPEG"
CUT_OFF = "is cut off: its end is missing; copy or download it again"


class ImageHeader(NamedTuple):
    """What is known of an image file before it is decoded, as scalar tensors.

    Attributes:
        format: int32, the format's number in `keras_resattn.data.formats`.
        size: int64 `(2,)`, height and width, before the image is turned upright.
        orientation: int64, 1 to 8, as EXIF numbers them.
        refusal: string, why the image cannot be decoded; empty if it can. It
            continues a sentence: "is empty; ...".
    """

    format: Tensor
    size: Tensor
    orientation: Tensor
    refusal: Tensor


def read_header(content: Tensor, max_pixels: int | Tensor = MAX_PIXELS) -> ImageHeader:
    """Return what the bytes of an image file state before it is decoded.

    Args:
        content: A scalar string tensor, the bytes of a file.
        max_pixels: Integer, how many pixels an image may have.
    """
    number = format_number(content)

    def reader(module):
        return lambda: module.read_header(content)

    header = tf.switch_case(number, [*map(reader, MODULES), lambda: _other(content)])
    is_read = number < len(MODULES)
    refusal = tf.where(is_read, _refusal(header, max_pixels), header.refusal)
    size = tf.stack([header.height, header.width])
    return ImageHeader(number, size, header.orientation, refusal)


def _refusal(header, max_pixels):
    pixels = header.width * header.height
    size = (header.width, header.height)
    is_too_large = pixels > tf.cast(max_pixels, tf.int64)
    refusal = tf.where(header.is_whole, "", CUT_OFF)
    refusal = tf.where(is_too_large, _too_large(size, max_pixels), refusal)
    refusal = tf.where(pixels > 0, refusal, _no_pixels(size))
    return tf.where(header.refusal == "", refusal, header.refusal + CONVERT)


def _no_pixels(size):
    return tf.strings.format(
        "has no pixels, or its header is damaged ({} x {} pixels); replace it", size
    )


def _too_large(size, max_pixels):
    return tf.strings.format(
        "is too large: {} x {} pixels, and at most {} are decoded; make it smaller",
        (*size, max_pixels),
    )


@separate_function
def _other(content):
    length = tf.strings.length(content)
    name = other_format(content)
    # Other characters than those of ASCII, such as of binary data, become "?".
    begin = tf.strings.unicode_transcode(
        tf.strings.substr(content, 0, 8),
        *("US-ASCII", "UTF-8"),
        replacement_char=ord("?"),
        replace_control_characters=True,
    )
    refusal = tf.strings.format(
        f"is not {ACCEPTED}: its size is {{}} B and it begins with {{}}; give an image",
        (length, begin),
    )
    named = "is " + name + f", not {ACCEPTED}" + CONVERT
    refusal = tf.where(name != "", named, refusal)
    refusal = tf.where(length > 0, refusal, f"is empty; give {ACCEPTED}")
    zero = tf.constant(0, tf.int64)
    return Header(zero, zero, zero + 1, tf.constant(True), refusal)


assert len(MODULES) == len(READ)
