"""Bytes are refused before they are decoded if their header says that they should."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from keras_resattn.data.gif_frames import gif_pixels
from PIL import Image

from keras_resattn.data import Preprocessing
from keras_resattn.data.image_header import MAX_PIXELS
from keras_resattn.data.image_header import check_before_decoding
from tests.data.encoded_images import FINE
from tests.data.encoded_images import HEIGHT
from tests.data.encoded_images import PHOTO
from tests.data.encoded_images import TURNED
from tests.data.encoded_images import WIDTH
from tests.data.encoded_images import encoded
from tests.data.encoded_images import png_header


@pytest.fixture(scope="module")
def check():
    """The check as a graph, as in an exported model, with a limit of one's own."""
    return tf.function(
        check_before_decoding,
        input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([], tf.int64)],
        autograph=False,
    )


def refusal(check, *contents, max_pixels=MAX_PIXELS):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        check(tf.constant(contents), max_pixels)
    return str(caught.value)


def test_all_formats_pass_unchanged_and_are_decoded(check):
    contents = list(FINE.values())
    passed = check(tf.constant(contents), MAX_PIXELS)
    assert passed.numpy().tolist() == contents
    decode = Preprocessing((8, 8, 3)).decode
    for name, content in FINE.items():
        assert decode(content).shape == (HEIGHT, WIDTH, 3), name


def test_sizes_are_read_from_the_header_of_every_format(check):
    for name, content in FINE.items():
        frames = 2 if name == "animated gif" else 1
        count = frames * HEIGHT * WIDTH
        check(tf.constant([content]), count)
        message = refusal(check, content, max_pixels=count - 1)
        assert "Element 0 of image_bytes is too large" in message, name
        assert f"Received: {WIDTH} x {HEIGHT} pixels, {count} together" in message, name


def test_a_bomb_is_refused_with_its_size_and_place_and_not_decoded(check):
    bomb = png_header(50_000, 50_000)
    assert len(bomb) < 100
    message = refusal(check, FINE["png"], FINE["gif"], bomb)
    assert "Element 2 of image_bytes is too large, at most 50000000 pixels" in message
    assert "Received: 50000 x 50000 pixels" in message


def test_a_gif_that_lies_about_its_screen_is_refused(check):
    # The decoder unpacks frames of any size, whatever the screen's.
    liar = bytearray(FINE["gif"])
    place = liar.index(b"\x2c" + b"\0" * 4 + struct.pack("<HH", WIDTH, HEIGHT))
    liar[place + 5 : place + 9] = struct.pack("<HH", 60_000, 60_000)
    assert "3600000000 together" in refusal(check, bytes(liar))


@pytest.mark.parametrize("count", [1, 3, 40])
def test_the_pixels_of_all_frames_of_a_gif_are_counted(count):
    size = (300, 200)  # its data takes many pieces
    noise = np.random.default_rng(0).integers(0, 255, (count, *size[::-1]), "uint8")
    frames = [Image.fromarray(frame) for frame in noise]
    gif = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0)
    with Image.open(io.BytesIO(gif)) as opened:
        assert getattr(opened, "n_frames", 1) == count
    assert int(gif_pixels(tf.constant(gif))) == count * 300 * 200


def test_a_gif_cut_short_ends_the_count():
    gif = FINE["animated gif"]
    for end in range(13, len(gif), 37):
        assert 0 <= int(gif_pixels(tf.constant(gif[:end]))) <= 2 * HEIGHT * WIDTH


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty. Send the bytes of a PNG, JPEG, GIF, BMP or WebP image"),
        (b"a text", r"is not a PNG.*Received: 6 bytes that begin with \[97 32 116"),
        (b"\xff\x0a" + b"\0" * 40, "is not a PNG, JPEG"),  # JPEG XL
        (png_header(0, 40), "has no pixels.*Received: 0 x 40 pixels"),
        (b"\x89PNG\r\n\x1a\n", "has no pixels"),
        (b"GIF89a", "has no pixels"),
        (b"BM", "has no pixels"),
        (b"RIFF\0\0\0\0WEBPNONE", "is not a PNG"),
        (
            encoded(PHOTO, "WEBP", save_all=True, append_images=[TURNED]),
            "or an animated WebP",
        ),
    ],
)
def test_what_is_no_image_is_refused_with_its_place(check, content, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"Element 1 .*{message}"):
        check(tf.constant([FINE["png"], content, FINE["png"]]), MAX_PIXELS)


def test_a_jpeg_cut_off_in_its_header_is_refused(check):
    assert "Invalid JPEG data, size 50" in refusal(check, FINE["jpeg"][:50])


def test_a_bmp_may_count_its_rows_from_the_top(check):
    bmp = bytearray(FINE["bmp"])
    bmp[22:26] = struct.pack("<i", -HEIGHT)
    check(tf.constant([bytes(bmp)]), HEIGHT * WIDTH)


def test_an_empty_batch_passes(check):
    assert check(tf.constant([], tf.string), MAX_PIXELS).shape == (0,)
