"""Bytes are refused before they are decoded if their header says that they should."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_resattn.data.decoding import assert_all_fine
from keras_resattn.data.decoding import decode_or_refuse
from keras_resattn.data.image_header import MAX_PIXELS
from keras_resattn.data.image_header import read_header
from tests.data.encoded_images import FINE
from tests.data.encoded_images import HEIGHT
from tests.data.encoded_images import PHOTO
from tests.data.encoded_images import TURNED
from tests.data.encoded_images import WIDTH
from tests.data.encoded_images import encoded
from tests.data.encoded_images import png_header
from tests.data.image_variants import bmp
from tests.data.image_variants import exif
from tests.data.image_variants import viewed


def as_graph(read):
    """Return a function of bytes and a limit of one's own, as in an exported model."""
    return tf.function(
        read,
        input_signature=[tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.int64)],
        autograph=False,
    )


@pytest.fixture(scope="module")
def header():
    return as_graph(read_header)


@pytest.fixture(scope="module")
def decode():
    return as_graph(lambda content, most: decode_or_refuse(content, 3, most))


@pytest.fixture(scope="module")
def refusal(header, decode):
    """The reason why bytes are not decoded: the same before and with decoding."""

    def reason(content, max_pixels=MAX_PIXELS):
        before = header(content, max_pixels).refusal.numpy().decode()
        image, refusal = decode(content, max_pixels)
        assert refusal.numpy().decode() == before
        assert bool(before) == (tf.size(image) == 0)
        return before

    return reason


def test_sizes_are_read_from_the_header_of_every_format(refusal):
    for name, content in FINE.items():
        count = HEIGHT * WIDTH
        assert refusal(content, count) == "", name
        message = refusal(content, count - 1)
        assert f"is too large: {WIDTH} x {HEIGHT} pixels, " in message, name
        assert f"at most {count - 1} are decoded; make it smaller" in message, name


def test_a_bomb_is_refused_with_its_size_and_not_decoded(refusal):
    bomb = png_header(50_000, 50_000)
    assert len(bomb) < 100
    message = "is too large: 50000 x 50000 pixels, and at most 50000000 are decoded"
    assert message in refusal(bomb)


def test_a_gif_that_lies_about_its_screen_is_refused(refusal):
    # The decoder unpacks a frame of any size, whatever the screen's.
    liar = bytearray(FINE["gif"])
    place = liar.index(b"\x2c" + b"\0" * 4 + struct.pack("<HH", WIDTH, HEIGHT))
    liar[place + 5 : place + 9] = struct.pack("<HH", 60_000, 60_000)
    assert "60000 x 60000 pixels" in refusal(bytes(liar))


def test_a_small_frame_on_a_large_screen_is_refused(refusal):
    large = bytearray(FINE["gif"])
    large[6:10] = struct.pack("<HH", 60_000, 50_000)
    assert "60000 x 50000 pixels" in refusal(bytes(large))


@pytest.mark.parametrize("count", [2, 40])
def test_of_an_animated_gif_the_first_frame_counts(refusal, decode, count):
    size = (300, 200)  # its data takes many pieces
    noise = np.random.default_rng(0).integers(0, 255, (count, *size[::-1]), "uint8")
    frames = [Image.fromarray(frame) for frame in noise]
    gif = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0)
    with Image.open(io.BytesIO(gif)) as opened:
        assert opened.n_frames == count
    assert refusal(gif, 300 * 200) == ""
    image, _ = decode(gif, 300 * 200)
    np.testing.assert_array_equal(image[..., 0], noise[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; give a PNG, JPEG, GIF, BMP or WebP image"),
        (b"a text", "is not a PNG, .*size is 6 B and it begins with .a text."),
        (b"\x01\xfe\x00data", "it begins with .[?]{3}data.;"),
        (b"\xff\x0a" + b"\0" * 40, "is a JPEG XL image, not a PNG, .*; convert it"),
        (b"\0\0\0\x1cftypavif\0\0", "is an AVIF image, not"),
        (b"\0\0\0\x18ftypheic\0\0", "is a HEIC image, not"),
        (b"\0\0\0\x18ftypheix\0\0", "is a HEIC image, not"),
        (b"\0\0\0\x20ftypisom\0\0", "is a video, not"),
        (b"%PDF-1.7\n", "is a PDF document, not"),
        (b"<svg xmlns=", "is an SVG drawing, not"),
        (b"<!DOCTYPE html>", "is a web page, not"),
        (b"PK\3\4" + b"\0" * 30, "is a ZIP archive, not"),
        (b"\0\5\x16\7\0\2\0\0", "is a macOS resource file, not"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (encoded(PHOTO, "TIFF"), "is a TIFF image, not"),
        (encoded(PHOTO, "JPEG2000"), "is a JPEG 2000 image, not"),
        (encoded(PHOTO, "PPM"), "is a Netpbm image, not"),
        (encoded(PHOTO, "ICO", sizes=[(16, 16)]), "is an icon, not"),
        (png_header(0, 40), "has no pixels.*0 x 40 pixels"),
        (b"\x89PNG\r\n\x1a\n", "has no pixels"),
        (b"GIF89a", "has no pixels"),
        (b"BM", "has no pixels"),
        (b"RIFF\0\0\0\0WEBPNONE", "has no pixels"),
        (b"RIFF\0\0\0\0WAVEfmt ", "is an audio file"),
        (
            encoded(PHOTO, "WEBP", save_all=True, append_images=[TURNED]),
            "is an animated WebP; convert it",
        ),
        (bmp(8, [b"\0" * WIDTH] * HEIGHT, b"\0" * 64, 1), "a BMP image of run lengths"),
        (bmp(4, [b"\0" * 17] * HEIGHT, b"\0" * 64, 2), "a BMP image of run lengths"),
        (bmp(24, [b"\0" * 99] * HEIGHT, b"", 4), "of 24 bits and compression 4"),
        (bmp(2, [b"\0" * 99] * HEIGHT), "of 2 bits and compression 0"),
        (
            bmp(32, [b"\0" * 4 * WIDTH] * HEIGHT, b"", 3, struct.pack("<III", 3, 4, 8)),
            "unusual colour masks",
        ),
        (FINE["jpeg"][:50], "is a JPEG image that is cut off or damaged"),
        (FINE["png"][:-20], "is cut off: its end is missing"),
        (FINE["gif"][: len(FINE["gif"]) // 2], "is cut off: its end is missing"),
        (FINE["bmp"][:-200], "is cut off: its end is missing"),
        (FINE["webp"][:-30], "is cut off: its end is missing"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(refusal, content, message):
    assert tf.strings.regex_full_match(refusal(content), f"{message}.*|.*{message}.*")


LARGER = PHOTO.resize((160, 320))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_may_lack_its_end_marker(decode, progressive):
    whole = encoded(LARGER, "JPEG", quality=90, progressive=progressive)
    for length in (len(whole) - 1, len(whole) - 2):
        image, refusal = decode(whole[:length], MAX_PIXELS)
        assert refusal == b""
        np.testing.assert_array_equal(image, decode(whole, MAX_PIXELS)[0])


def test_a_jpeg_may_lack_its_last_row_of_blocks_and_no_more(decode):
    whole = encoded(LARGER, "JPEG", quality=90)
    complete, _ = decode(whole, MAX_PIXELS)
    for cut in (20, 60, 150):
        image, refusal = decode(whole[:-cut], MAX_PIXELS)
        assert refusal == b""
        np.testing.assert_array_equal(image[:303], complete[:303])
        np.testing.assert_array_equal(image, viewed(whole[:-cut]))
    for length in range(len(whole) // 2, len(whole) * 9 // 10, 501):
        image, refusal = decode(whole[:length], MAX_PIXELS)
        assert image.shape == (0, 0, 3)
        assert refusal.numpy().startswith(b"is cut off: its end is missing")


def test_a_progressive_jpeg_is_never_read_for_ever(decode):
    whole = encoded(LARGER, "JPEG", quality=90, progressive=True)
    refused = 0
    for length in range(700, len(whole) - 300, 211):
        try:
            _, refusal = decode(whole[:length], MAX_PIXELS)
            refused += refusal.numpy().startswith(b"is cut off")
        except tf.errors.InvalidArgumentError:  # between two scans
            refused += 1
    # Of a scan, too, the last row of blocks may be missing.
    assert refused >= 0.8 * len(range(700, len(whole) - 300, 211))


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_does_not_exist_is_ignored(header, orientation):
    jpeg = encoded(PHOTO, "JPEG", exif=exif(orientation))
    assert header(jpeg, MAX_PIXELS).orientation == 1


def test_damaged_exif_is_ignored(header):
    for end in range(0, len(exif(6)), 3):
        jpeg = encoded(PHOTO, "JPEG", exif=b"Exif\0\0" + exif(6)[:end])
        assert header(jpeg, MAX_PIXELS).orientation in (1, 6)


def test_bytes_cut_anywhere_never_end_in_another_error(header):
    for content in FINE.values():
        for end in range(0, len(content), 1 + len(content) // 25):
            header(content[:end], MAX_PIXELS)


def test_the_first_bad_element_of_a_batch_is_named():
    check = tf.function(lambda refusals: [assert_all_fine(refusals), 1][1])
    assert check(tf.constant(["", ""])) == 1
    assert check(tf.constant([], tf.string)) == 1
    message = "Element 1 of image_bytes is empty; give an image"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        check(tf.constant(["", "is empty; give an image", "is a video"]))
