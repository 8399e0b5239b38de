import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data import load
from keras_resattn.data.label_noise import noisy_label
from keras_resattn.recipes.settings import Data


def relabelled(labels, correct, classes=10, seed=0):
    pairs = tf.data.Dataset.from_tensor_slices(labels).enumerate()
    noisy = pairs.map(lambda i, label: noisy_label(label, i, classes, correct, seed))
    return noisy.batch(len(labels)).get_single_element().numpy()


def test_the_share_of_correct_labels_stays_and_the_others_spread_evenly():
    labels = np.full(3_000, 3, "int64")
    counts = np.bincount(relabelled(labels, 0.7), minlength=10)
    # Four standard deviations of a binomial distribution.
    assert abs(counts[3] - 2_100) < 101
    assert (abs(np.delete(counts, 3) - 100) < 40).all()


def test_labels_follow_from_the_seed_and_the_place():
    labels = np.arange(200, dtype="int64") % 10
    first, second, other = (relabelled(labels, 0.5, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


@pytest.mark.parametrize("correct, kept", [(1.0, 100), (0.0, 0)])
def test_all_or_none_stay(correct, kept):
    labels = np.arange(100, dtype="int64") % 10
    assert (relabelled(labels, correct) == labels).sum() == kept


def test_the_labels_to_train_on_are_wrong_and_those_to_test_on_are_right(photos):
    preprocessing = Preprocessing((16, 16, 3))
    right = load(str(photos), preprocessing)
    noisy = load(Data(name=str(photos), correct_labels=0.5), preprocessing, seed=1)
    labels = {
        data: [
            [int(label) for _, label in split.images]
            for split in (data.train, data.test)
        ]
        for data in (right, noisy)
    }
    assert labels[noisy][1] == labels[right][1]
    wrong = np.not_equal(labels[noisy][0], labels[right][0]).sum()
    assert 5 < wrong < 31
