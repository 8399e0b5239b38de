"""From the bytes of an image file to an upright image, or to what is wrong with it."""

import tensorflow as tf

from keras_resattn.data.formats import jpeg
from keras_resattn.data.formats.byte_values import separate_function
from keras_resattn.data.formats.exif import orient
from keras_resattn.data.formats.ordinary import decode_if_ordinary
from keras_resattn.data.formats.ordinary import decode_ordinary
from keras_resattn.data.image_header import CUT_OFF
from keras_resattn.data.image_header import MAX_PIXELS
from keras_resattn.data.image_header import MODULES
from keras_resattn.data.image_header import read_header
from keras_resattn.typing import Tensor


def decode_or_refuse(
    content: Tensor,
    channels: int,
    max_pixels: int | Tensor = MAX_PIXELS,
    least: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the image in the bytes of a file, or the reason why there is none.

    Only TensorFlow's standard operations are used, so that this is part of an
    exported model.

    Args:
        content: A scalar string tensor, the bytes.
        channels: Integer, 1 for grey or 3 for RGB.
        max_pixels: Integer, how many pixels an image may have.
        least: Integer, how many pixels the shorter side keeps at least, where a
            JPEG is decoded at a half, a quarter or an eighth of its size. Defaults to
            the full size.

    Returns:
        A uint8 image `(h, w, channels)`, upright, and a scalar string tensor,
        empty if the image was decoded. Otherwise it continues a sentence, such
        as "is empty; ...", and the image has the height and width 0.

    Raises:
        tf.errors.OpError: At run time, if the data within the file is damaged.
    """
    max_pixels = tf.cast(max_pixels, tf.int64)
    image, refusal = decode_if_ordinary(
        content, max_pixels, least, lambda: _decode_any(content, max_pixels, least)
    )
    return with_channels(image, channels), refusal


def decode_or_raise(content: Tensor, channels: int, least: int | None = None) -> Tensor:
    """Return the image in the bytes of a file.

    Args:
        content: A scalar string tensor, the bytes.
        channels: Integer, 1 for grey or 3 for RGB.
        least: See `decode_or_refuse`.

    Returns:
        A uint8 image `(h, w, channels)`, upright.

    Raises:
        tf.errors.OpError: At run time, if it cannot be decoded. The message has
            the reason.
    """
    image, refusal = decode_or_refuse(content, channels, least=least)
    with tf.control_dependencies([tf.debugging.Assert(refusal == "", [refusal])]):
        return tf.identity(image)


def decode_prepared(content: Tensor, channels: int) -> Tensor:
    """Return the image in a PNG or JPEG of a data set that is known to be whole.

    Nothing is checked, and the orientation of EXIF is not applied, as
    tensorflow-datasets does not apply it.

    Args:
        content: A scalar string tensor, the bytes.
        channels: Integer, 1 for grey or 3 for RGB.

    Returns:
        A uint8 image `(h, w, channels)`.
    """
    return with_channels(decode_ordinary(content), channels)


def assert_all_fine(refusals: Tensor) -> tf.Operation:
    """Return an operation that fails if an image of a batch was refused.

    Args:
        refusals: A string tensor `(N,)`, as `decode_or_refuse` returns them. The
            message of the error names the first element that was refused.
    """
    is_refused = refusals != ""

    def message():
        i = tf.argmax(is_refused)
        text = tf.strings.format("Element {} of image_bytes ", i)
        return text + refusals[i]

    message = tf.cond(tf.reduce_any(is_refused), message, lambda: tf.constant(""))
    return tf.debugging.Assert(message == "", [message])


def decode_any(
    content: Tensor,
    max_pixels: int | Tensor = MAX_PIXELS,
    least: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the same as `decode_or_refuse`, an RGB image, at first by the header.

    Called eagerly, it runs only what the format of the file needs.
    """
    header = read_header(content, max_pixels)
    image, refusal = tf.cond(
        header.refusal == "",
        lambda: _decode_with(header, content, least),
        lambda: (tf.zeros((0, 0, 3), tf.uint8), header.refusal),
    )
    return tf.ensure_shape(image, (None, None, 3)), refusal


_decode_any = separate_function(decode_any)


def with_channels(image: Tensor, channels: int) -> Tensor:
    """Return an RGB image with 3 channels or, as grey, with 1."""
    image = tf.ensure_shape(image, (None, None, 3))
    return image if channels == 3 else tf.image.rgb_to_grayscale(image)


def _decode_with(header, content, least):
    def decode_jpeg():
        scale = jpeg.scale_for(header.size, least)
        image, is_whole = jpeg.decode(content, scale)
        refusal = tf.where(is_whole, "", CUT_OFF)
        return tf.cond(is_whole, lambda: image, lambda: image[:0, :0]), refusal

    def decode_by(module):
        return lambda: (module.decode(content), tf.constant(""))

    branches = [
        decode_jpeg if module is jpeg else decode_by(module) for module in MODULES
    ]
    image, refusal = tf.switch_case(header.format, branches)
    return orient(image, header.orientation), refusal
