"""BMP: palettes of 1, 4 and 8 bits, colours of 16, 24 and 32; not compressed."""

from typing import NamedTuple

import tensorflow as tf

from keras_resattn.data.formats.byte_values import Header
from keras_resattn.data.formats.byte_values import all_bytes
from keras_resattn.data.formats.byte_values import first_bytes
from keras_resattn.data.formats.byte_values import numbers_at
from keras_resattn.data.formats.byte_values import separate_function
from keras_resattn.typing import Tensor

FILE_HEADER_BYTES = 14
OLD_HEADER_BYTES = 12  # of OS/2: shorter numbers, three bytes a colour
MASKS_AT = 54
# Pixels and size of the header; width, height, bits and compression; the first
# three of them in the old header; the masks of red, green and blue.
FIELDS = [
    *[(10, 4), (FILE_HEADER_BYTES, 4)],
    *[(18, 4), (22, 4), (28, 2), (30, 4)],
    *[(18, 2), (20, 2), (24, 2)],
    *[(MASKS_AT + 4 * i, 4) for i in range(3)],
]
PLAIN, RUN_LENGTH_8, RUN_LENGTH_4, MASKED = range(4)
BITS = (1, 4, 8, 16, 24, 32)

# Red, green and blue where no masks are stated.
MASKS_16 = (0x7C00, 0x03E0, 0x001F)
MASKS_32 = (0xFF0000, 0x00FF00, 0x0000FF)
BYTE_MASKS = [0xFF << shift for shift in (0, 8, 16, 24)]


class _Layout(NamedTuple):
    """What the header of a BMP states, as int64 tensors; `masks` is `(3,)`."""

    pixels: Tensor  # where they begin
    palette: Tensor
    color_bytes: Tensor
    width: Tensor
    height: Tensor
    is_top_down: Tensor
    bits: Tensor
    compression: Tensor
    masks: Tensor
    row_bytes: Tensor


@separate_function
def read_header(content: Tensor) -> Header:
    """Return what the header of a BMP states."""
    layout = _layout(content)
    end = layout.pixels + layout.row_bytes * layout.height
    # The last row may lack the bytes that fill it up to a multiple of four.
    is_whole = end - 3 <= tf.cast(tf.strings.length(content), tf.int64)
    return Header(
        width=layout.width,
        height=layout.height,
        orientation=tf.constant(1, tf.int64),
        is_whole=is_whole,
        refusal=_refusal(layout),
    )


@separate_function
def decode(content: Tensor) -> Tensor:
    """Return the image of a BMP without transparency."""
    layout = _layout(content)
    data, _ = all_bytes(content)
    size = layout.row_bytes * layout.height
    pixels = data[layout.pixels : layout.pixels + size]
    rows = tf.reshape(pixels, (layout.height, layout.row_bytes))
    image = tf.case(
        [
            (layout.bits <= 8, lambda: _palette_colors(rows, data, layout)),
            (layout.bits == 16, lambda: _colors_of_16_bits(rows, layout)),
        ],
        default=lambda: _colors_of_bytes(rows, layout),
    )
    return tf.cond(layout.is_top_down, lambda: image, lambda: image[::-1])


def _layout(content):
    first = first_bytes(content, MASKS_AT + 12)
    pixels, header_bytes, *numbers = numbers_at(first, FIELDS)
    is_old = header_bytes == OLD_HEADER_BYTES
    new = tf.stack([*map(_signed, numbers[:2]), *numbers[2:4]])
    old = tf.stack([*numbers[4:7], 0])
    width, height, bits, compression = tf.unstack(tf.where(is_old, old, new))
    usual = tf.where(bits == 16, tf.constant(MASKS_16), tf.constant(MASKS_32))
    masks = tf.where(compression == MASKED, numbers[7:], tf.cast(usual, tf.int64))
    width = tf.abs(width)
    return _Layout(
        pixels=pixels,
        palette=FILE_HEADER_BYTES + header_bytes,
        color_bytes=4 - tf.cast(is_old, tf.int64),
        width=width,
        height=tf.abs(height),
        is_top_down=height < 0,
        bits=bits,
        compression=compression,
        masks=masks,
        row_bytes=(width * bits + 31) // 32 * 4,
    )


def _signed(number):
    return tf.where(number < 2**31, number, number - 2**32)


def _refusal(layout):
    is_run_length = (layout.compression == RUN_LENGTH_8) | (
        layout.compression == RUN_LENGTH_4
    )
    has_colors = (layout.compression == PLAIN) | (
        (layout.compression == MASKED) & (layout.bits >= 16)
    )
    has_bits = tf.reduce_any(layout.bits == tf.constant(BITS, tf.int64))
    is_bytes = tf.reduce_any(
        layout.masks[:, None] == tf.constant(BYTE_MASKS, tf.int64), axis=1
    )
    has_masks = tf.reduce_all(
        tf.where(layout.bits == 16, layout.masks > 0, is_bytes | (layout.bits < 16))
    )
    refusal = tf.where(has_masks, "", "is a BMP image of unusual colour masks")
    variant = tf.strings.format(
        "is a BMP image of {} bits and compression {}",
        (layout.bits, layout.compression),
    )
    refusal = tf.where(has_colors & has_bits, refusal, variant)
    refusal = tf.where(is_run_length, "is a BMP image of run lengths", refusal)
    return tf.where(layout.width * layout.height > 0, refusal, "")


def _palette_colors(rows, data, layout):
    palette = data[layout.palette : tf.minimum(layout.pixels, layout.palette + 1024)]
    count = tf.size(palette, tf.int64) // layout.color_bytes
    palette = palette[: count * layout.color_bytes]
    palette = tf.reshape(palette, (count, layout.color_bytes))[:256, 2::-1]
    # Numbers without a colour are black.
    palette = tf.pad(palette, [[0, 256 - tf.shape(palette)[0]], [0, 0]])
    return tf.gather(palette, tf.cast(_indices(rows, layout), tf.int32))


def _indices(rows, layout):
    per_byte = 8 // layout.bits
    shifts = tf.cast(layout.bits * tf.range(per_byte - 1, -1, -1), tf.uint8)
    most = tf.cast(
        tf.bitwise.left_shift(tf.constant(1, tf.int64), layout.bits) - 1, tf.uint8
    )
    parts = tf.bitwise.right_shift(rows[..., None], shifts) & most
    indices = tf.reshape(parts, (layout.height, layout.row_bytes * per_byte))
    return indices[:, : layout.width]


def _colors_of_16_bits(rows, layout):
    pairs = tf.cast(tf.reshape(rows, (layout.height, -1, 2)), tf.int32)
    pixels = (pairs[..., 0] + 256 * pairs[..., 1])[:, : layout.width]
    channels = []
    for i in range(3):
        mask = tf.cast(layout.masks[i], tf.int32)
        lowest = tf.maximum(tf.bitwise.bitwise_and(mask, -mask), 1)
        most = tf.maximum(mask // lowest, 1)
        value = tf.bitwise.bitwise_and(pixels, mask) // lowest
        channels.append(tf.cast(value * 255 // most, tf.uint8))
    return tf.stack(channels, axis=-1)


def _colors_of_bytes(rows, layout):
    count = layout.bits // 8
    rows = rows[:, : layout.width * count]
    pixels = tf.reshape(rows, (layout.height, layout.width, count))
    # The place of each mask's byte.
    places = tf.argmax(
        layout.masks[:, None] == tf.constant(BYTE_MASKS, tf.int64), axis=1
    )
    return tf.gather(pixels, places, axis=-1)
