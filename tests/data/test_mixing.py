import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.data.mixing import batch_mixing
from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.recipes.settings import Augmentation

LABELS = np.eye(8, dtype="float32")
# Each image has the value of its class.
IMAGES = np.broadcast_to(
    np.arange(8, dtype="uint8")[:, None, None, None] * 30, (8, 10, 10, 3)
)


def mixer(**settings):
    return tf.function(batch_mixing(Augmentation(**settings)))


def mixed(mix, seed=0):
    images, labels = mix(tf.constant(IMAGES), tf.constant(LABELS), seeds_of(0, seed))
    return images.numpy(), labels.numpy()


def test_without_either_there_is_nothing_to_do():
    assert batch_mixing(Augmentation()) is None


@pytest.mark.parametrize("settings", [{"mixup": 0.8}, {"cutmix": 1.0}])
def test_labels_are_mixed_as_images_are(settings):
    images, labels = mixed(mixer(**settings))
    assert images.dtype == labels.dtype == "float32"
    assert images.shape == IMAGES.shape
    np.testing.assert_allclose(labels.sum(axis=-1), 1, rtol=1e-5)
    assert ((labels > 0).sum(axis=-1) == 2).any()
    means = labels @ (np.arange(8) * 30.0)
    # The patch of CutMix is cut at whole pixels, its share is not.
    atol = 1e-3 if "mixup" in settings else 60
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), means, atol=atol)


def test_mixup_blends_and_cutmix_pastes():
    blended, _ = mixed(mixer(mixup=0.8))
    pasted, labels = mixed(mixer(cutmix=1.0))
    assert np.ptp(blended, axis=(1, 2, 3)).max() < 1e-3
    assert set(np.unique(pasted)) <= set(np.unique(IMAGES))
    assert np.ptp(pasted, axis=(1, 2, 3)).max() > 0


@pytest.mark.parametrize("settings", [{"mixup": 0.8}, {"cutmix": 1.0}])
def test_mixtures_follow_from_the_seed(settings):
    mix = mixer(**settings)
    first, second, other = (mixed(mix, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert (first[1] != other[1]).any()


def test_both_share_the_batches():
    mix = mixer(mixup=0.8, cutmix=1.0)
    is_pasted = [
        set(np.unique(mixed(mix, seed)[0])) <= set(np.unique(IMAGES))
        for seed in range(12)
    ]
    assert 2 <= sum(is_pasted) <= 10


@pytest.mark.parametrize("settings", [{"mixup": 1e-3}, {"cutmix": 1e-3}])
def test_extreme_mixtures_are_numbers(settings):
    images, labels = mixed(mixer(**settings))
    assert np.isfinite(images).all()
    np.testing.assert_allclose(labels.sum(axis=-1), 1, rtol=1e-5)
