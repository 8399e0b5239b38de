"""Reading image files as it was before `keras_resattn.data.image_files`: the peer.

The check of headers runs eagerly, operation by operation, and each file is read and
decoded twice. It is kept as it was, for the benchmark alone.
"""

import numpy as np
import tensorflow as tf


def read_images(paths, preprocessing):
    """Return image files at the network's size, float32 `(N, H, W, C)`."""
    check_images(paths, preprocessing)
    images = [
        preprocessing.squash(_decode(tf.io.read_file(str(path)), preprocessing))
        for path in paths
    ]
    return np.stack([tf.cast(image, tf.float32).numpy() for image in images])


def check_images(paths, preprocessing):
    """Raise a `ValueError` that names the first image that cannot be decoded."""
    for path in paths:
        try:
            content = tf.io.read_file(str(path))
            check_before_decoding(content[None])
            _decode(content, preprocessing)
        except tf.errors.OpError as error:
            raise ValueError(f"No readable image. Received: {path}") from error


def _decode(image_bytes, preprocessing):
    channels = preprocessing.input_shape[-1]
    return tf.io.decode_image(image_bytes, channels, expand_animations=False)


# === The check of headers ===

# An image may have 50 million pixels: 8,000 x 6,250. At that size the decoded
# image and its float32 copy take 750 MB.
MAX_PIXELS = 50_000_000

# Enough for the size in all formats but JPEG.
HEADER_BYTES = 32

ACCEPTED = "a PNG, JPEG, GIF, BMP or WebP image"


def check_before_decoding(image_bytes, max_pixels=MAX_PIXELS):
    """Return images' bytes, once their headers say that all can be decoded."""
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


# === The pixels of a GIF's frames ===

# Blocks, and pieces of them other than full ones. More than that no animation has
# that is shown on a page, and each takes some 50 microseconds to read.
MAX_STEPS = 20_000
BEYOND_ANY_LIMIT = 2**62

EXTENSION, IMAGE = 0x21, 0x2C


def gif_pixels(content):
    """Return the pixels of all frames together; TensorFlow unpacks every one.

    Args:
        content: A scalar string tensor, the bytes of a GIF.

    Returns:
        A scalar int64 tensor. What follows a damaged block is not counted, as it
        is not decoded either.
    """
    # Zeros at the end, so that no step reads beyond it.
    data = tf.cast(tf.io.decode_raw(content + b"\0" * 16, tf.uint8), tf.int64)
    end = tf.size(data, tf.int64) - 16

    def more(step, position, in_block, pixels):
        going = in_block | (data[position] == IMAGE) | (data[position] == EXTENSION)
        return (position < end) & going & (step < MAX_STEPS)

    def read(step, position, in_block, pixels):
        position, in_block, pixels = tf.cond(
            in_block,
            lambda: (*_skip_pieces(data, position), pixels),
            lambda: _begin_block(data, position, pixels),
        )
        return step + 1, tf.minimum(position, end), in_block, pixels

    zero = tf.zeros([], tf.int64)
    start = 13 + _color_table(data[10])
    steps, _, _, pixels = tf.while_loop(
        more, read, (0, tf.minimum(start, end), False, zero)
    )
    return tf.where(steps < MAX_STEPS, pixels, BEYOND_ANY_LIMIT)


def _color_table(flags):
    """Return how many bytes a colour table takes that flags announce."""
    entries = tf.bitwise.left_shift(tf.constant(2, tf.int64), flags % 8)
    return tf.where(flags >= 128, 3 * entries, 0)


def _begin_block(data, position, pixels):
    """Return where the pieces of a block begin, and the pixels with its own."""
    is_image = data[position] == IMAGE
    width = data[position + 5] + 256 * data[position + 6]
    height = data[position + 7] + 256 * data[position + 8]
    after_image = position + 11 + _color_table(data[position + 9])
    return (
        tf.where(is_image, after_image, position + 2),
        True,
        pixels + tf.where(is_image, width * height, 0),
    )


def _skip_pieces(data, position):
    """Skip all full pieces in a row and one more, which may be the empty last."""
    full = tf.concat([data[position::256] == 255, [False]], axis=0)
    position += 256 * tf.argmin(tf.cast(full, tf.int32))
    length = data[tf.minimum(position, tf.size(data, tf.int64) - 1)]
    return position + length + 1, length > 0
