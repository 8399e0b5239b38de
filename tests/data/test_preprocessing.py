import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_resattn.data import Preprocessing


def test_images_of_the_right_size_keep_their_pixels():
    image = np.arange(48, dtype="uint8").reshape(4, 4, 3)
    resized = Preprocessing((4, 4, 3)).resize(tf.constant(image))
    assert resized.dtype == tf.uint8
    np.testing.assert_array_equal(resized, image)


def test_the_same_size_learnt_only_at_run_time_changes_nothing():
    resize = tf.function(
        Preprocessing((9, 7, 3)).resize,
        input_signature=[tf.TensorSpec((None, None, None, 3))],
    )
    images = np.random.default_rng(0).uniform(0, 255, (2, 9, 7, 3)).astype("float32")
    np.testing.assert_allclose(resize(images), images, atol=1e-3)


SHAPES = [(40, 100), (100, 40), (7, 9), (16, 25), (1, 300), (300, 1), (24, 16)]


def resized_in_full(image, shape, scale):
    """Return an image resized by one scale for both sides, by TensorFlow."""
    size = [max(1, round(side * scale)) for side in shape]
    return tf.image.resize(image, size, antialias=True).numpy()


@pytest.mark.parametrize("shape", SHAPES)
def test_crop_fills_the_input_and_takes_the_middle(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), "uint8")
    resized = Preprocessing((16, 24, 3), aspect="crop").resize(tf.constant(image))
    whole = resized_in_full(image, shape, max(16 / shape[0], 24 / shape[1]))
    top, left = (whole.shape[0] - 15) // 2, (whole.shape[1] - 23) // 2
    expected = whole[top : top + 16, left : left + 24]
    np.testing.assert_allclose(resized, expected, atol=0.01)


@pytest.mark.parametrize("shape", SHAPES)
def test_pad_shows_the_whole_image_between_black_bars(shape):
    image = np.random.default_rng(0).integers(1, 256, (*shape, 3), "uint8")
    resized = Preprocessing((16, 24, 3), aspect="pad").resize(tf.constant(image))
    whole = resized_in_full(image, shape, min(16 / shape[0], 24 / shape[1]))
    top, left = (16 - whole.shape[0]) // 2, (24 - whole.shape[1]) // 2
    expected = np.zeros((16, 24, 3))
    expected[top : top + whole.shape[0], left : left + whole.shape[1]] = whole
    np.testing.assert_allclose(resized, expected, atol=0.01)


@pytest.mark.parametrize("aspect", ["squash", "crop", "pad"])
def test_images_are_resized_alike_alone_and_in_batches(aspect):
    images = np.random.default_rng(0).integers(0, 256, (2, 30, 50, 3), "uint8")
    preprocessing = Preprocessing((16, 24, 3), aspect=aspect)
    together = preprocessing.resize(tf.constant(images))
    alone = [preprocessing.resize(tf.constant(image)) for image in images]
    assert together.dtype == tf.float32
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_what_is_shown_is_what_the_network_sees():
    image = tf.constant(np.arange(40 * 100).reshape(40, 100, 1) % 251, tf.uint8)
    for aspect, size in (("squash", (8, 20)), ("crop", (20, 20)), ("pad", (20, 20))):
        preprocessing = Preprocessing((4, 4, 1), aspect=aspect)
        shown = preprocessing.shown(image, 20)
        assert shown.shape == (*size, 1) and shown.dtype == tf.uint8
        expected = Preprocessing((*size, 1), aspect=aspect).resize(image)
        np.testing.assert_allclose(shown, expected, atol=0.501)  # rounded
    assert Preprocessing((4, 4, 1)).shown(image, 200) is image


def test_a_smaller_image_is_the_mean_of_what_it_covers():
    # Antialiasing: a fine chequerboard becomes grey, not black or white.
    board = np.indices((32, 32)).sum(axis=0) % 2 * 255.0
    resized = Preprocessing((4, 4, 1)).resize(tf.constant(board[..., None]))
    np.testing.assert_allclose(resized[1:-1, 1:-1], 127.5, atol=2)


def test_grey_bytes_become_colours_and_colours_grey(pictures):
    colour = Preprocessing((16, 16, 3)).decode(tf.io.read_file(str(pictures[0])))
    grey = Preprocessing((16, 16, 1)).decode(tf.io.read_file(str(pictures[0])))
    assert colour.shape[-1] == 3
    assert grey.shape[-1] == 1
    again = Preprocessing((16, 16, 3)).decode(tf.io.encode_png(grey))
    np.testing.assert_array_equal(again, np.repeat(grey, 3, axis=-1))


def test_standardized_by_channel():
    preprocessing = Preprocessing((1, 1, 3), (10.0, 20.0, 30.0), (1.0, 2.0, 4.0))
    image = np.array([[[12, 24, 38]]], "uint8")
    np.testing.assert_allclose(preprocessing.standardize(image), [[[2, 2, 2]]])


def test_every_format_becomes_grey():
    colour = np.random.default_rng(0).integers(0, 255, (5, 6, 3), "uint8")
    image = Image.fromarray(colour)
    expected = np.asarray(image.convert("L"), int)
    for format, tolerance in (("PNG", 1), ("BMP", 1), ("WEBP", 1), ("JPEG", 40)):
        file = io.BytesIO()
        image.save(file, format, **({"lossless": True} if format == "WEBP" else {}))
        grey = Preprocessing((8, 8, 1)).decode(file.getvalue())
        assert grey.dtype == tf.uint8
        np.testing.assert_allclose(grey.numpy()[..., 0], expected, atol=tolerance)


def test_a_rotation_in_exif_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    file = io.BytesIO()
    Image.new("RGB", (30, 20)).save(file, "JPEG", exif=exif)
    assert Preprocessing((8, 8, 3)).decode(file.getvalue()).shape == (30, 20, 3)


def test_sixteen_bits_become_eight():
    values = np.array([[0, 255, 256, 65535, 32768]], "uint16")
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    decoded = Preprocessing((8, 8, 1)).decode(file.getvalue())
    np.testing.assert_array_equal(decoded[0, :, 0], values[0] >> 8)


def test_an_animated_gif_gives_its_first_frame():
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    decoded = Preprocessing((8, 8, 3)).decode(file.getvalue())
    assert decoded.shape == (4, 4, 3)
    np.testing.assert_array_equal(decoded[0, 0], [255, 0, 0])
