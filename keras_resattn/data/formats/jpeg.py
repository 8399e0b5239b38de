"""JPEG: grey, colours, CMYK, progressive or not, also without its end marker."""

import functools

import tensorflow as tf

from keras_resattn.data.formats.byte_values import Header
from keras_resattn.data.formats.byte_values import all_bytes
from keras_resattn.data.formats.byte_values import big_endian
from keras_resattn.data.formats.byte_values import has_at
from keras_resattn.data.formats.byte_values import separate_function
from keras_resattn.data.formats.exif import exif_orientation
from keras_resattn.typing import Tensor

# As browsers decode. TensorFlow's default differs by some levels.
DCT_METHOD = "INTEGER_ACCURATE"

# A JPEG can be decoded at a half, a quarter or an eighth of its size, which takes less
# time and memory: libjpeg then uses fewer of the frequencies of each block.
RATIOS = (1, 2, 4, 8)

END = b"\xff\xd9"
EXIF = b"Exif\0\0"
APP1, START_OF_SCAN = 0xE1, 0xDA

# Markers without a length: TEM, RST0 to RST7, SOI.
BARE_MARKERS = (0x01, *range(0xD0, 0xD9))
# SOF0 to SOF15, less DHT, JPG and DAC, which have numbers among them.
FRAME_MARKERS = tuple(set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC})

# Segments, and bytes between them. Photographs have some 20.
MOST_STEPS = 2000

# Rows, at the lower edge, that may be missing: those of one row of blocks, and one
# that is mixed with them.
MISSING_ROWS = 17

# Any bytes that are not what an encoder would write next.
OTHER_TAIL = bytes(range(1, 250, 3)) * 3


@separate_function
def read_header(content: Tensor) -> Header:
    """Return what the segments of a JPEG before its first scan state."""
    data, end = all_bytes(content)
    frame, exif, scan = _find_segments(data, end)
    is_known = (frame > 0) & (scan > 0)
    orientation = tf.cond(
        exif > 0,
        lambda: exif_orientation(_exif_data(content, data, end, exif)),
        lambda: tf.constant(1, tf.int64),
    )
    return Header(
        width=tf.where(is_known, big_endian(data, frame + 7, 2), 0),
        height=tf.where(is_known, big_endian(data, frame + 5, 2), 0),
        orientation=orientation,
        is_whole=tf.constant(True),
        refusal=tf.where(is_known, "", "is a JPEG image that is cut off or damaged"),
    )


@separate_function
def decode(content: Tensor, scale: Tensor | int) -> tuple[Tensor, Tensor]:
    """Return the image of a JPEG as browsers show it, and whether it is whole.

    Where the end of the file is missing, the image has its full size, and the rest of
    it is of one colour. It counts as whole if at most its last `MISSING_ROWS` rows are
    missing.

    Args:
        content: A scalar string tensor.
        scale: The index of the ratio: see `scale_for`.
    """
    is_ended = ends_properly(content)
    # Not by `try_recover_truncated`: with it, some files that end between two
    # scans are read for ever.
    image = tf.cond(
        is_ended,
        lambda: decode_scaled(content, scale),
        lambda: decode_at(content + END),
    )
    is_whole = tf.cond(
        is_ended,
        lambda: tf.constant(True),
        lambda: _has_nearly_all_rows(content, image),
    )
    return image, is_whole


def scale_for(size: Tensor, least: int | None) -> Tensor | int:
    """Return the scale at which a JPEG, or a part of it, is decoded.

    Args:
        size: An integer tensor `(2,)`, the height and width at full size.
        least: Integer, how many pixels the shorter side keeps at least. `None` for
            the full size.

    Returns:
        The index of the ratio in `RATIOS`, a scalar int32 tensor, or 0.
    """
    if least is None:
        return 0
    sides = tf.constant([ratio * least for ratio in RATIOS[1:]], size.dtype)
    return tf.reduce_sum(tf.cast(tf.reduce_min(size) >= sides, tf.int32))


def decode_scaled(content: Tensor, scale: Tensor | int) -> Tensor:
    """Return the RGB image of a JPEG at one of the scales: see `scale_for`."""
    return _by_ratio(scale, functools.partial(decode_at, content))


def decode_at(content: Tensor, ratio: int = 1) -> Tensor:
    """Return the RGB image of a JPEG, its height and width divided by a ratio."""
    return tf.io.decode_jpeg(content, 3, ratio, dct_method=DCT_METHOD)


def decode_part(content: Tensor, window: Tensor, scale: Tensor | int) -> Tensor:
    """Return a part of a JPEG, and decode no more than that.

    Args:
        content: A scalar string tensor.
        window: An int32 tensor `(4,)`: top, left, height, width, at full size.
        scale: The index of the ratio: see `scale_for`.
    """

    def decode(ratio):
        scaled = tf.concat([window[:2] // ratio, tf.maximum(window[2:] // ratio, 1)], 0)
        return tf.io.decode_and_crop_jpeg(
            content, scaled, 3, ratio, dct_method=DCT_METHOD
        )

    return _by_ratio(scale, decode)


def _by_ratio(scale, decode):
    # In `tf.data`, each branch costs time.
    if isinstance(scale, int):
        return decode(RATIOS[scale])
    return tf.switch_case(scale, [functools.partial(decode, ratio) for ratio in RATIOS])


def ends_properly(content: Tensor) -> Tensor:
    """Return whether the last bytes are the end marker, a scalar bool."""
    start = tf.maximum(tf.strings.length(content) - len(END), 0)
    return tf.strings.substr(content, start, len(END)) == END


def _has_nearly_all_rows(content, image):
    # Rows whose data is missing depend on what follows the data that is there.
    # This is done for files without an end marker alone: they are decoded twice.
    length = tf.strings.length(content)
    last = tf.strings.substr(content, length - 1, 1)
    content = tf.strings.substr(content, 0, length - tf.cast(last == b"\xff", tf.int32))
    differs = tf.reduce_any(image != decode_at(content + OTHER_TAIL + END), axis=(1, 2))
    rows = tf.size(differs, tf.int64)
    known = tf.where(tf.reduce_any(differs), tf.argmax(differs), rows)
    return rows - known <= MISSING_ROWS


def _find_segments(data, end):
    """Return where the frame header, EXIF and the first scan begin, or 0."""
    bare = tf.constant(BARE_MARKERS, tf.uint8)
    frames = tf.constant(FRAME_MARKERS, tf.uint8)

    def more(step, position, frame, exif, scan):
        return (step < MOST_STEPS) & (position < end) & (scan == 0)

    def read(step, position, frame, exif, scan):
        marker = data[position + 1]
        is_marker = (data[position] == 0xFF) & (marker != 0xFF) & (marker != 0)
        is_long = is_marker & ~tf.reduce_any(marker == bare)
        is_frame = is_marker & (frame == 0) & tf.reduce_any(marker == frames)
        is_exif = is_marker & (exif == 0) & (marker == APP1)
        is_exif &= has_at(data, position + 4, EXIF)
        length = big_endian(data, position + 2, 2)
        size = tf.where(is_long, 2 + length, 1 + tf.cast(is_marker, tf.int64))
        frame = tf.where(is_frame, position, frame)
        exif = tf.where(is_exif, position, exif)
        scan = tf.where(is_marker & (marker == START_OF_SCAN), position, scan)
        return step + 1, tf.minimum(position + size, end), frame, exif, scan

    zero = tf.zeros([], tf.int64)
    after_start = tf.minimum(tf.constant(2, tf.int64), end)
    found = tf.while_loop(more, read, (0, after_start, zero, zero, zero))
    return found[2:]


def _exif_data(content, data, end, position):
    begin = tf.minimum(position + 4 + len(EXIF), end)
    length = tf.maximum(big_endian(data, position + 2, 2) - 2 - len(EXIF), 0)
    return tf.strings.substr(content, begin, length)
