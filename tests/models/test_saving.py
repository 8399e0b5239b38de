import keras
import numpy as np
import pytest

import keras_resattn

SHAPE = (16, 16, 3)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras_resattn.cifar.Attention56(input_shape=SHAPE, classes=4)


@pytest.fixture(scope="module")
def outputs(model):
    return model.predict(images(), verbose=0)


def images():
    return np.random.default_rng(0).random((2, *SHAPE))


def test_a_model_is_loaded_as_it_was_saved(model, outputs, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(images(), verbose=0), outputs)


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_weights_are_loaded_from_a_file(model, outputs, tmp_path, name):
    path = str(tmp_path / name)
    model.save(path) if name == "model.keras" else model.save_weights(path)
    loaded = keras_resattn.cifar.Attention56(input_shape=SHAPE, classes=4, weights=path)
    np.testing.assert_array_equal(loaded.predict(images(), verbose=0), outputs)


def test_weights_fit_any_size(model, tmp_path):
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    larger = keras_resattn.cifar.Attention56(
        input_shape=(None, None, 3), classes=4, weights=str(path)
    )
    assert larger.predict(np.random.rand(1, 40, 50, 3), verbose=0).shape == (1, 4)


def test_weights_that_do_not_fit_are_an_error(model, tmp_path):
    path = str(tmp_path / "model.weights.h5")
    model.save_weights(path)
    with pytest.raises(ValueError, match=r"do not fit.*Received: weights=.*\.h5"):
        keras_resattn.cifar.Attention92(input_shape=SHAPE, classes=4, weights=path)


@pytest.mark.one_backend
@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_another_number_of_classes_keeps_the_body_and_says_so(model, tmp_path, name):
    path = str(tmp_path / name)
    model.save(path) if name == "model.keras" else model.save_weights(path)
    with pytest.warns(UserWarning, match=f"7 classes .* weights 4.*weights={path}"):
        tuned = keras_resattn.cifar.Attention56(
            input_shape=SHAPE, weights=path, classes=7
        )
    *body, kernel, bias = tuned.get_weights()
    for ours, theirs in zip(body, model.get_weights(), strict=False):
        np.testing.assert_array_equal(ours, theirs)
    assert kernel.shape == (256, 7)
    assert bias.shape == (7,)


@pytest.mark.one_backend
def test_weights_of_another_network_and_number_of_classes_are_an_error(model, tmp_path):
    path = str(tmp_path / "model.keras")
    model.save(path)
    with pytest.raises(ValueError, match="do not fit.*Received: weights="):
        keras_resattn.cifar.Attention92(input_shape=SHAPE, classes=7, weights=path)


@pytest.mark.one_backend
def test_a_network_without_classifier_takes_the_weights_of_one_with(model, tmp_path):
    path = str(tmp_path / "model.keras")
    model.save(path)
    headless = keras_resattn.cifar.Attention56(
        include_top=False, input_shape=SHAPE, weights=path
    )
    for ours, theirs in zip(headless.get_weights(), model.get_weights(), strict=False):
        np.testing.assert_array_equal(ours, theirs)


def test_a_file_without_weights_is_an_error(tmp_path):
    path = tmp_path / "broken.weights.h5"
    path.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="do not fit.*Received: weights="):
        keras_resattn.cifar.Attention56(input_shape=SHAPE, weights=str(path))


def test_an_activation_without_sense_for_weights_is_an_error(model, tmp_path):
    path = str(tmp_path / "model.weights.h5")
    model.save_weights(path)
    with pytest.raises(ValueError, match="Received: classifier_activation=relu"):
        keras_resattn.cifar.Attention56(
            input_shape=SHAPE, weights=path, classifier_activation="relu"
        )
