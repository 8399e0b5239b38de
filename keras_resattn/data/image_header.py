"""What images' first bytes say of format and size: checked before decoding.

A PNG of a few kilobytes can hold 50,000 x 50,000 pixels, and gigabytes would be
taken to decode it. Only TensorFlow's standard operations are used, so that the
checks are part of an exported model.
"""

import tensorflow as tf

from keras_resattn.data.gif_frames import gif_pixels

# An image may have 50 million pixels: 8,000 x 6,250. At that size the decoded
# image and its float32 copy take 750 MB.
MAX_PIXELS = 50_000_000

# Enough for the size in all formats but JPEG.
HEADER_BYTES = 32

ACCEPTED = "a PNG, JPEG, GIF, BMP or WebP image"


def check_before_decoding(image_bytes, max_pixels=MAX_PIXELS):
    """Return images' bytes, once their headers say that all can be decoded.

    Example:

    >>> checked = check_before_decoding(tf.constant([b"no image"]))
    Traceback (most recent call last):
    tensorflow.python.framework.errors_impl.InvalidArgumentError: ... Element 0 of
    image_bytes is not a PNG, JPEG, GIF, BMP or WebP image...

    Args:
        image_bytes: A string tensor `(N,)`.
        max_pixels: Integer, how many pixels one image may have; a GIF's frames
            count together, as its decoder unpacks all of them.

    Returns:
        `image_bytes`, to be used in its place: what depends on it is not
        computed before the check.

    Raises:
        tf.errors.InvalidArgumentError: At run time, if an image is empty, of
            another format, animated WebP, without or with too many pixels. The
            message says which element of the batch it is.
    """
    header = _header(image_bytes)
    accepted, heights, widths, pixels = _sizes(image_bytes, header)
    fine = accepted & (pixels > 0) & (pixels <= max_pixels)

    def refuse():
        i = tf.argmin(tf.cast(fine, tf.int32))
        size = [widths[i], heights[i]]
        message = tf.case(
            [
                (tf.strings.length(image_bytes[i]) < 1, lambda: _empty(i)),
                (~accepted[i], lambda: _no_image(i, image_bytes[i], header[i])),
                (pixels[i] < 1, lambda: _no_pixels(i, size)),
            ],
            default=lambda: _too_large(i, size, pixels[i], max_pixels),
        )
        with tf.control_dependencies([tf.debugging.Assert(False, [message])]):
            return tf.identity(image_bytes)

    return tf.cond(tf.reduce_all(fine), lambda: image_bytes, refuse)


def _empty(i):
    return tf.strings.format(
        f"Element {{}} of image_bytes is empty. Send the bytes of {ACCEPTED}.", [i]
    )


def _no_image(i, content, header):
    length = tf.strings.length(content)
    return tf.strings.format(
        f"Element {{}} of image_bytes is not {ACCEPTED}, or an animated WebP. "
        "Received: {} bytes that begin with {}",
        [i, length, header[: tf.minimum(length, 8)]],
        summarize=-1,
    )


def _no_pixels(i, size):
    return tf.strings.format(
        "Element {} of image_bytes has no pixels, or its header is damaged. "
        "Received: {} x {} pixels",
        [i, *size],
    )


def _too_large(i, size, pixels, max_pixels):
    return tf.strings.format(
        "Element {} of image_bytes is too large, at most {} pixels are "
        "decoded: send a smaller image. Received: {} x {} pixels, {} together",
        [i, max_pixels, *size, pixels],
    )


def _header(image_bytes):
    """Return the first bytes as int64 `(N, HEADER_BYTES)`, filled up with zeros."""
    filled = tf.strings.substr(image_bytes, 0, HEADER_BYTES) + b"\0" * HEADER_BYTES
    header = tf.strings.substr(filled, 0, HEADER_BYTES)
    raw = tf.io.decode_raw(header, tf.uint8, fixed_length=HEADER_BYTES)
    return tf.cast(raw, tf.int64)


def _sizes(image_bytes, header):
    """Return per image: whether it is accepted, height, width, pixels to decode."""
    jpeg = _at(header, 0, b"\xff\xd8\xff")
    gif = _at(header, 0, b"GIF8")

    # Only these two have to be read beyond the first bytes.
    read = _read(image_bytes, jpeg, _jpeg_size) + _read(image_bytes, gif, _gif_size)
    accepted, heights, widths = jpeg, read[:, 0], read[:, 1]
    for is_format, height, width in _sizes_in_header(header, gif):
        accepted |= is_format
        heights = tf.where(is_format, height, heights)
        widths = tf.where(is_format, width, widths)
    return accepted, heights, widths, tf.maximum(heights * widths, read[:, 2])


def _read(image_bytes, chosen, size):
    """Return what `size` gives for the images chosen, zeros for the others."""
    sizes = tf.map_fn(
        size,
        tf.boolean_mask(image_bytes, chosen),
        fn_output_signature=tf.TensorSpec((3,), tf.int64),
    )
    shape = [tf.size(image_bytes, tf.int64), 3]
    return tf.scatter_nd(tf.where(chosen), sizes, shape)


def _jpeg_size(content):
    shape = tf.image.extract_jpeg_shape(content, tf.int64)
    return tf.stack([shape[0], shape[1], 0])


def _gif_size(content):
    return tf.stack([0, 0, gif_pixels(content)])


def _sizes_in_header(header, gif):
    """Yield for each format that has its size in the header: which, height, width."""
    yield (
        _at(header, 0, b"\x89PNG\r\n\x1a\n"),
        _big_endian(header, 20),
        _big_endian(header, 16),
    )
    yield gif, _little_endian(header, 8, 2), _little_endian(header, 6, 2)
    bmp = _at(header, 0, b"BM")
    yield bmp, _signed(header, 22), _signed(header, 18)
    webp = _at(header, 0, b"RIFF") & _at(header, 8, b"WEBP")
    yield (
        webp & _at(header, 12, b"VP8 "),
        _little_endian(header, 28, 2) % 2**14,
        _little_endian(header, 26, 2) % 2**14,
    )
    bits = _little_endian(header, 21, 4)
    lossless = webp & _at(header, 12, b"VP8L")
    yield lossless, bits // 2**14 % 2**14 + 1, bits % 2**14 + 1
    animated = header[:, 20] // 2 % 2 > 0
    yield (
        webp & _at(header, 12, b"VP8X") & ~animated,
        _little_endian(header, 27, 3) + 1,
        _little_endian(header, 24, 3) + 1,
    )


def _at(header, start, signature):
    found = header[:, start : start + len(signature)] == tf.constant(
        list(signature), tf.int64
    )
    return tf.reduce_all(found, axis=1)


def _little_endian(header, start, count):
    weights = tf.constant([256**i for i in range(count)], tf.int64)
    return tf.reduce_sum(header[:, start : start + count] * weights, axis=1)


def _big_endian(header, start):
    return _little_endian(header[:, start : start + 4][:, ::-1], 0, 4)


def _signed(header, start):
    # The rows of a BMP of negative height run from top to bottom.
    value = _little_endian(header, start, 4)
    return tf.abs(tf.where(value < 2**31, value, value - 2**32))
