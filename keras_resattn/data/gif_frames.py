"""How many pixels a GIF unpacks to: all of its frames, whatever its header says."""

import tensorflow as tf

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
