"""Inputs that are not what the functions need: the right result, or a remedy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_resattn import explain


@pytest.fixture(scope="module")
def model(model_folder):
    return model_folder.model


def masks(model, inputs):
    return explain.mean_masks(model, inputs)


def evidence(model, inputs):
    return {"map": explain.class_evidence(model, inputs)}


def triptych(model, inputs):
    found = explain.feature_triptych(model, inputs, "stage1_attention1", channel=0)
    return {"mask": found.mask}


every_function = pytest.mark.parametrize("function", [masks, evidence, triptych])


@every_function
def test_raw_pixels_are_an_error_with_the_remedy(function, model, model_folder):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3))
    for raw in (pixels.astype("uint8"), pixels.astype("float32")):
        with pytest.raises(ValueError, match="Standardize them.*preprocessing.*255"):
            function(model, raw)
    standardized = model_folder.preprocessing.standardize(pixels)
    for values in function(model, standardized).values():
        assert len(values) == 2


@every_function
def test_images_and_paths_are_an_error_with_the_remedy(function, model):
    image = Image.new("RGB", (16, 16))
    for given in (image, [image], "photo.png", ["photo.png"]):
        with pytest.raises(ValueError, match="arrays, not images or paths.*load_model"):
            function(model, given)


@every_function
def test_a_single_image_is_an_error_with_the_remedy(function, model):
    with pytest.raises(ValueError, match=r"image\[None\].*\(16, 16, 3\)"):
        function(model, np.zeros((16, 16, 3), "float32"))


@every_function
def test_another_size_is_an_error_with_the_remedy(function, model):
    with pytest.raises(ValueError, match=r"shape \(16, 16, 3\). Resize.*\(1, 20, 16"):
        function(model, np.zeros((1, 20, 16, 3), "float32"))


@every_function
def test_a_dataset_gives_what_its_arrays_give(function, model, inputs):
    expected = function(model, inputs)
    images = tf.data.Dataset.from_tensor_slices(inputs).batch(2)
    labels = tf.data.Dataset.range(len(inputs)).batch(2)
    for dataset in (images, tf.data.Dataset.zip(images, labels)):
        found = function(model, dataset)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-5)


def test_a_dataset_without_batches_is_an_error(model, inputs):
    single = tf.data.Dataset.from_tensor_slices(inputs)
    with pytest.raises(ValueError, match=r"dataset.batch\(32\)"):
        masks(model, single)
    with pytest.raises(ValueError, match="an empty dataset"):
        masks(model, single.batch(2).take(0))


def test_a_model_that_standardizes_takes_pixels(model):
    pixels = keras.Input((16, 16, 3))
    whole = keras.Model(pixels, model(keras.layers.Rescaling(1 / 100, -1)(pixels)))
    raw = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3))
    expected = masks(model, raw.astype("float32") / 100 - 1)
    for name, values in masks(whole, raw.astype("uint8")).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5)


def test_one_of_two_outputs_is_chosen_by_name(model, inputs):
    image = keras.Input((16, 16, 3))
    pooled = model.get_layer("predictions").input
    features = keras.Model(model.input, pooled)(image)
    place = keras.layers.Dense(4, "softmax")(features)
    head = keras.layers.Dense(2, "softmax")
    kind = head(features)
    head.set_weights(model.get_layer("predictions").get_weights())
    two = keras.Model(image, {"kind": kind, "place": place})
    assert masks(two, inputs).keys() == masks(model, inputs).keys()
    with pytest.raises(ValueError, match=r"\['kind', 'place'\]. Name one.*output=None"):
        explain.class_evidence(two, inputs)
    np.testing.assert_allclose(
        explain.class_evidence(two, inputs, output="kind"),
        explain.class_evidence(model, inputs),
        atol=1e-4,
    )
