import numpy as np
import tensorflow as tf

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
