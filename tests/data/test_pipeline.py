import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data import evaluation_batches
from keras_resattn.data import training_batches
from keras_resattn.data.sources import Split

PREPROCESSING = Preprocessing((8, 8, 1), mean=100.0, std=50.0)


def numbered(count=10):
    """A split of images whose pixels all have the value of their label."""
    labels = np.arange(count)
    images = np.broadcast_to(labels[:, None, None, None], (count, 8, 8, 1))
    pairs = (images.astype("uint8"), labels.astype("int64"))
    return Split(tf.data.Dataset.from_tensor_slices(pairs), count)


def arrays(batches):
    return [(x.numpy(), y.numpy()) for x, y in batches]


def test_evaluation_is_in_order_whole_and_standardized():
    batches = arrays(evaluation_batches(numbered(), PREPROCESSING, 4))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    labels = np.concatenate([labels for _, labels in batches])
    images = np.concatenate([images for images, _ in batches])
    np.testing.assert_array_equal(labels, np.arange(10))
    assert images.dtype == "float32"
    np.testing.assert_allclose(images[:, 0, 0, 0], (labels - 100) / 50, rtol=1e-6)


def test_training_batches_are_whole_shuffled_and_follow_from_the_seed():
    def order(seed):
        batches = arrays(training_batches(numbered(100), PREPROCESSING, 30, seed))
        assert [len(labels) for _, labels in batches] == [30, 30, 30]
        return np.concatenate([labels for _, labels in batches])

    assert len(set(order(1))) == 90
    assert order(1).tolist() == order(1).tolist()
    assert order(1).tolist() != order(2).tolist()
    assert order(1).tolist() != sorted(order(1))


def test_epochs_differ_in_order_and_augmentation():
    batches = training_batches(numbered(20), PREPROCESSING, 20, crop_padding=4)
    first, second = arrays(batches)[0], arrays(batches)[0]
    assert first[1].tolist() != second[1].tolist()
    by_label = [dict(zip(y, x.tolist(), strict=True)) for x, y in (first, second)]
    assert by_label[0] != by_label[1]


def test_crops_pad_with_zeros_and_keep_the_size():
    ones = Split(
        tf.data.Dataset.from_tensor_slices(
            (np.full((200, 8, 8, 1), 100, "uint8"), np.zeros(200, "int64"))
        ),
        200,
    )
    batches = training_batches(ones, PREPROCESSING, 200, flip=False, crop_padding=2)
    ((images, _),) = arrays(batches)
    assert images.shape == (200, 8, 8, 1)
    black = (images == -2).mean(axis=(1, 2, 3))  # (0 - 100) / 50
    assert set(np.unique(images)) == {-2.0, 0.0}
    assert black.min() == 0
    assert black.max() == pytest.approx(1 - 36 / 64)


def test_flips_reverse_the_columns_of_about_half():
    ramp = np.broadcast_to(np.arange(8, dtype="uint8")[:, None], (400, 8, 8, 1))
    pairs = (ramp, np.zeros(400, "int64"))
    split = Split(tf.data.Dataset.from_tensor_slices(pairs), 400)
    batches = training_batches(split, PREPROCESSING, 400, flip=True, crop_padding=0)
    ((images, _),) = arrays(batches)
    flipped = images[:, 0, 0, 0] > images[:, 0, -1, 0]
    assert 120 < flipped.sum() < 280
    np.testing.assert_array_equal(images[flipped][0], images[~flipped][0][:, ::-1])


def test_no_augmentation_leaves_the_pixels():
    batches = training_batches(
        numbered(), PREPROCESSING, 10, flip=False, crop_padding=0
    )
    ((images, labels),) = arrays(batches)
    np.testing.assert_allclose(images[:, 3, 4, 0], (labels - 100) / 50, rtol=1e-6)


def test_a_split_smaller_than_a_batch_is_one_batch():
    batches = arrays(training_batches(numbered(5), PREPROCESSING, 64))
    assert [len(labels) for _, labels in batches] == [5]
