"""GIF: its first frame. The others are neither read nor unpacked."""

from typing import NamedTuple

import tensorflow as tf

from keras_resattn.data.formats.byte_values import Header
from keras_resattn.data.formats.byte_values import all_bytes
from keras_resattn.data.formats.byte_values import numbers_at
from keras_resattn.data.formats.byte_values import separate_function
from keras_resattn.typing import Tensor

EXTENSION, IMAGE, GRAPHIC_CONTROL = 0x21, 0x2C, 0xF9

# Blocks, and pieces of them that are not full. The first frame of an animation
# on a page has fewer; each takes some 50 microseconds to read.
MOST_STEPS = 20_000


class _Frame(NamedTuple):
    """Where the first frame is, in bytes and in pixels."""

    control: Tensor
    begin: Tensor
    end: Tensor
    left: Tensor
    top: Tensor
    width: Tensor
    height: Tensor


@separate_function
def read_header(content: Tensor) -> Header:
    """Return what a GIF states of its first frame."""
    data, end = all_bytes(content)
    frame = _first_frame(data, end)
    height, width = _canvas(data, frame)
    has_frame = frame.begin > 0
    return Header(
        width=tf.where(has_frame & (frame.width > 0), width, 0),
        height=tf.where(has_frame & (frame.height > 0), height, 0),
        orientation=tf.constant(1, tf.int64),
        is_whole=frame.end > 0,
        refusal=tf.constant(""),
    )


@separate_function
def decode(content: Tensor) -> Tensor:
    """Return the first frame on its canvas, without transparency.

    Transparent pixels have the colour that the palette has for them. What the
    frame leaves of the canvas has that colour too, or the palette's first.
    """
    data, end = all_bytes(content)
    frame = _first_frame(data, end)
    image = tf.io.decode_image(
        _frame_alone(content, data, frame), 3, expand_animations=False
    )
    image = tf.ensure_shape(image, (None, None, 3))
    height, width = _canvas(data, frame)
    is_covered = (frame.width == width) & (frame.height == height)
    return tf.cond(
        is_covered,
        lambda: image,
        lambda: _on_canvas(image, frame, height, width, _background(data, frame)),
    )


def _first_frame(data, end):
    """Go through the blocks to the end of the first image."""

    def more(step, position, in_block, control, begin, finished):
        is_block = (data[position] == IMAGE) | (data[position] == EXTENSION)
        inside = (position < end) & (in_block | is_block)
        return (finished == 0) & inside & (step < MOST_STEPS)

    def read(step, position, in_block, control, begin, finished):
        is_image = ~in_block & (data[position] == IMAGE)
        is_control = ~in_block & (data[position] == EXTENSION)
        is_control &= data[position + 1] == GRAPHIC_CONTROL
        control = tf.where(is_control, position, control)
        begin = tf.where(is_image, position, begin)
        position, in_block = tf.cond(
            in_block,
            lambda: _skip_pieces(data, position),
            lambda: (_after_introduction(data, position, is_image), True),
        )
        is_end = ~in_block & (begin > 0) & (position <= end)
        finished = tf.where(is_end, position, 0)
        return step + 1, tf.minimum(position, end), in_block, control, begin, finished

    zero = tf.zeros([], tf.int64)
    start = tf.minimum(13 + _color_table_bytes(data[10]), end)
    found = tf.while_loop(more, read, (0, start, False, zero, zero, zero))
    _, _, _, control, begin, finished = found
    descriptor = tf.ensure_shape(tf.slice(data, [begin + 1], [8]), (8,))
    place = numbers_at(descriptor, [(0, 2), (2, 2), (4, 2), (6, 2)])
    return _Frame(control, begin, finished, *place)


def _after_introduction(data, position, is_image):
    after_image = position + 10 + _color_table_bytes(data[position + 9]) + 1
    return tf.where(is_image, after_image, position + 2)


def _skip_pieces(data, position):
    """Skip all full pieces in a row and one more, which may be the empty last."""
    full = tf.concat([data[position::256] == 255, [False]], axis=0)
    position += 256 * tf.argmin(full)
    last = tf.size(data, tf.int64) - 1
    length = tf.cast(data[tf.minimum(position, last)], tf.int64)
    return position + length + 1, length > 0


def _color_table_bytes(flags):
    """Return how many bytes the colour table takes that flags announce."""
    flags = tf.cast(flags, tf.int64)
    entries = tf.bitwise.left_shift(tf.constant(2, tf.int64), flags % 8)
    return tf.where(flags >= 128, 3 * entries, 0)


def _canvas(data, frame):
    """Return height and width: a frame beyond the screen makes it larger."""
    width, height = numbers_at(tf.ensure_shape(data[6:10], (4,)), [(0, 2), (2, 2)])
    width = tf.maximum(width, frame.left + frame.width)
    height = tf.maximum(height, frame.top + frame.height)
    return height, width


def _frame_alone(content, data, frame):
    """Return a GIF of the frame alone, which fills it and is not transparent."""

    def part(start, end):
        start, end = tf.cast(start, tf.int64), tf.cast(end, tf.int64)
        return tf.strings.substr(content, start, end - start)

    screen = part(frame.begin + 5, frame.begin + 9)
    colors = part(10, 13 + _color_table_bytes(data[10]))
    image = part(frame.begin + 5, frame.end)
    pieces = [b"GIF89a", screen, colors, b"\x2c\0\0\0\0", image, b"\x3b"]
    return tf.strings.join(pieces)


def _background(data, frame):
    """Return the colour of what the frame does not cover, uint8 `(3,)`."""
    flags = data[frame.begin + 9]
    table = tf.where(flags >= 128, frame.begin + 10, 13)
    is_transparent = (frame.control > 0) & (data[frame.control + 3] % 2 > 0)
    color = data[frame.control + 6] * tf.cast(is_transparent, tf.uint8)
    start = table + 3 * tf.cast(color, tf.int64)
    return tf.ensure_shape(data[start : start + 3], (3,))


def _on_canvas(image, frame, height, width, color):
    shift = tf.cast(image, tf.int32) - tf.cast(color, tf.int32)
    below = height - frame.top - frame.height
    right = width - frame.left - frame.width
    sides = tf.stack([[frame.top, below], [frame.left, right], [0, 0]])
    return tf.cast(tf.pad(shift, sides) + tf.cast(color, tf.int32), tf.uint8)
