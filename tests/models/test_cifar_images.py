"""Preprocessing and decoding for CIFAR-10, as keras.applications has them."""

import keras
import numpy as np
import pytest

from keras_resattn import cifar
from keras_resattn.data import Preprocessing


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 8, 6, 3), dtype="uint8")


def test_pixels_are_standardized_by_channel(images):
    before = images.copy()
    x = cifar.preprocess_input(images)
    np.testing.assert_array_equal(images, before)
    assert x.dtype == "float32"
    expected = (images[0, 0, 0] - np.array(cifar.MEAN)) / np.array(cifar.STD)
    np.testing.assert_allclose(x[0, 0, 0], expected, rtol=1e-6)


@pytest.mark.one_backend
def test_it_is_the_preprocessing_of_a_recipe(images):
    preprocessing = Preprocessing((8, 6, 3), cifar.MEAN, cifar.STD)
    np.testing.assert_allclose(
        cifar.preprocess_input(images), preprocessing.standardize(images), atol=1e-6
    )


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_arrays_tensors_single_images_and_channels_first_are_the_same(images, dtype):
    images = images.astype(dtype)
    x = cifar.preprocess_input(images)
    tensor = cifar.preprocess_input(keras.ops.convert_to_tensor(images))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(tensor), x, rtol=1e-6)
    np.testing.assert_array_equal(cifar.preprocess_input(images[1]), x[1])
    first = cifar.preprocess_input(images.transpose(0, 3, 1, 2), "channels_first")
    np.testing.assert_array_equal(first, x.transpose(0, 3, 1, 2))


def test_it_can_be_a_part_of_a_model(images):
    inputs = keras.Input((8, 6, 3))
    model = keras.Model(inputs, cifar.preprocess_input(inputs))
    expected = cifar.preprocess_input(images)
    x = model.predict(images.astype("float32"), verbose=0)
    np.testing.assert_allclose(x, expected, rtol=1e-5)


@pytest.mark.one_backend
def test_other_images_are_an_error():
    with pytest.raises(ValueError, match=r"3 channels.*Received: .*\(8, 8, 1\)"):
        cifar.preprocess_input(np.zeros((8, 8, 1)))
    with pytest.raises(ValueError, match=r"channels_first.*Received: .*\(2, 8, 8, 3\)"):
        cifar.preprocess_input(np.zeros((2, 8, 8, 3)), "channels_first")
    with pytest.raises(ValueError, match="Received: data_format=last"):
        cifar.preprocess_input(np.zeros((8, 8, 3)), "last")


def test_predictions_are_decoded_the_highest_first():
    probabilities = np.full((2, 10), 0.01)
    probabilities[0, [3, 5]], probabilities[1, [9, 0]] = (0.6, 0.3), (0.5, 0.4)
    decoded = [
        [(3, "cat", 0.6), (5, "dog", 0.3)],
        [(9, "truck", 0.5), (0, "airplane", 0.4)],
    ]
    assert cifar.decode_predictions(probabilities, top=2) == decoded
    tensor = keras.ops.convert_to_tensor(probabilities)
    assert len(cifar.decode_predictions(tensor)[0]) == 5
    labels = [label for _, label, _ in cifar.decode_predictions(probabilities, 10)[0]]
    assert sorted(labels) == list(cifar.LABELS)


@pytest.mark.one_backend
@pytest.mark.parametrize("shape", [(10,), (1, 100)])
def test_other_predictions_are_an_error(shape):
    with pytest.raises(ValueError, match=r"\(samples, 10\).*Received: .*shape \("):
        cifar.decode_predictions(np.zeros(shape))
