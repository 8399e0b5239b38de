"""Inputs that are not what the functions need: the right result, or a remedy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_resattn import explain
from keras_resattn.explain import metrics
from keras_resattn.explain.inputs import as_array
from keras_resattn.explain.inputs import as_pictures
from keras_resattn.explain.triptych import Triptych
from keras_resattn.model_folder import marked

MODULE = "stage1_attention1"
MAPS = np.random.default_rng(1).random((2, 16, 16)).astype("float32")
CLASSES = [0, 1]


def metric(name, make=metrics.predictor, **options):
    def compute(model, inputs):
        return getattr(metrics, name)(make(model), inputs, MAPS, CLASSES, **options)

    return compute


def attribution(name, **options):
    def compute(model, inputs):
        return getattr(explain, name)(model, inputs, classes=1, **options)

    return compute


def sensitivity(model, inputs):
    def maps(x):
        return next(iter(explain.mean_masks(model, x).values()))

    return metrics.max_sensitivity(maps, inputs, samples=1)


def triptych(model, inputs):
    return explain.feature_triptych(model, inputs, MODULE, "gradient", [0, 1])[1]


# What takes standardized images: every one has the same rule.
FUNCTIONS = {
    "masks": lambda model, x: explain.masks(model, x)[MODULE],
    "mean_masks": lambda model, x: explain.mean_masks(model, x)[MODULE],
    "amplification": lambda model, x: explain.amplification(model, x)[MODULE],
    "feature_triptych": triptych,
    "class_evidence": explain.class_evidence,
    "integrated_gradients": attribution("integrated_gradients", steps=2),
    "hires_cam": attribution("hires_cam"),
    "occlusion": attribution("occlusion", size=8, stride=8),
    "rise": attribution("rise", count=2),
    "deletion": metric("deletion", steps=2),
    "insertion": metric("insertion", lambda model: model.predict, steps=2),
    "road": metric("road"),
    "average_drop": metric("average_drop"),
    "increase_in_confidence": metric("increase_in_confidence"),
    "max_sensitivity": sensitivity,
}
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), "uint8")
PICTURE = Image.fromarray(PIXELS[0])
WRONG = {
    "uint8": (PIXELS, "Standardize them.*preprocessing.*takes_pixels.*Received: "),
    "float": (PIXELS.astype("float32"), "Standardize them.*Received: .* 0 to 255"),
    "picture": (PICTURE, "arrays, not images or paths.*load_model.*Received: Image"),
    "pictures": ([PICTURE], "arrays, not images or paths.*load_model"),
    "path": ("photo.png", "arrays, not images or paths.*Received: str"),
    "paths": (["photo.png"], "arrays, not images or paths"),
    "single": (np.zeros((16, 16, 3), "float32"), r"image\[None\].*\(16, 16, 3\)"),
    "size": (np.zeros((2, 20, 16, 3), "float32"), r"\(16, 16, 3\). Resize.*\(2, 20, 1"),
    "transparent": (
        np.zeros((2, 16, 16, 4), "float32"),
        r"fourth channel.*:3\].*, 4\)",
    ),
    "grey": (np.zeros((2, 16, 16), "float32"), r"images\[..., None\].*\(2, 16, 16\)"),
    "grey as one": (np.zeros((2, 16, 16, 1), "float32"), "np.repeat.*, 16, 16, 1"),
    "two inputs": (np.zeros((2, 2, 16, 16, 3), "float32"), "several inputs directly"),
    "not finite": (np.full((2, 16, 16, 3), np.nan), "finite. Received: 1,536 of 1,536"),
    "empty": (np.zeros((0, 16, 16, 3), "float32"), "at least one image"),
    "single in a dataset": (
        tf.data.Dataset.from_tensor_slices(np.zeros((2, 16, 16, 3), "float32")),
        r"dataset.batch\(32\)",
    ),
    "raw in a dataset": (
        tf.data.Dataset.from_tensor_slices(PIXELS).batch(2),
        "Standardize them",
    ),
    "empty dataset": (
        tf.data.Dataset.from_tensor_slices(PIXELS).batch(2).take(0),
        "an empty dataset",
    ),
}


@pytest.fixture(scope="module")
def model(model_folder):
    return model_folder.model


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_wrong_images_are_an_error_with_the_remedy(name, wrong, model):
    images, message = WRONG[wrong]
    with pytest.raises(ValueError, match=message):
        FUNCTIONS[name](model, images)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_dataset_gives_what_its_arrays_give(name, model, inputs):
    function, two = FUNCTIONS[name], inputs[:2]
    expected = function(model, two)
    images = tf.data.Dataset.from_tensor_slices(two).batch(2)
    labels = tf.data.Dataset.range(2).batch(2)
    for dataset in (images, tf.data.Dataset.zip(images, labels)):
        found = function(model, dataset)
        pairs = zip(
            keras.tree.flatten(found), keras.tree.flatten(expected), strict=True
        )
        for values, right in pairs:
            np.testing.assert_allclose(values, right, atol=1e-5)


# === Images to draw ===


def triptych_of(images):
    maps = np.zeros((2, 4, 4), "float32")
    triptych = Triptych(maps, maps, maps, MODULE, np.zeros(2, int), "index")
    return explain.triptych_figure(images, triptych)


FIGURES = {
    "mask_figure": lambda images: explain.mask_figure(images, {MODULE: MAPS}),
    "attention_figure": lambda x: explain.attention_figure(x, {MODULE: 1 + MAPS}),
    "pattern_figure": lambda images: explain.pattern_figure(
        images, explain.mask_patterns(np.stack([MAPS, 1 - MAPS], axis=-1), 2), MODULE
    ),
    "triptych_figure": triptych_of,
    "gallery_figure": lambda images: explain.gallery_figure(images, MAPS),
    "evidence_figure": lambda x: explain.evidence_figure(x, {}, {"grad_cam": MAPS}),
    "masked_images": lambda images: explain.masked_images(images, MAPS),
}
WRONG_PICTURES = {
    "standardized": (PIXELS / 127.5 - 1, "before they are standardized.*Received: "),
    "fractions": (PIXELS / 255, "multiply values from 0 to 1 by 255"),
    "picture": (PICTURE, "arrays of pixel values, not images or paths.*images"),
    "paths": (["photo.png"] * 2, "arrays of pixel values, not images or paths"),
    "single": (PIXELS[0], r"image\[None\].*\(16, 16, 3\)"),
    "transparent": (np.zeros((2, 16, 16, 4), "uint8"), r"fourth channel.*, 4\)"),
}


@pytest.mark.parametrize("wrong", WRONG_PICTURES)
@pytest.mark.parametrize("name", FIGURES)
def test_wrong_pictures_are_an_error_with_the_remedy(name, wrong):
    images, message = WRONG_PICTURES[wrong]
    with pytest.raises(ValueError, match=message):
        FIGURES[name](images)


@pytest.mark.parametrize("name", FIGURES)
def test_pictures_of_any_type_are_drawn(name):
    dataset = tf.data.Dataset.from_tensor_slices(PIXELS).batch(1)
    for images in (PIXELS, PIXELS.astype("float64"), list(PIXELS), dataset):
        FIGURES[name](images)


# === Maps ===

BOXES = np.array([[0, 0, 4, 4]] * 2)
OF_MAPS = {
    "sparseness": metrics.sparseness,
    "pointing_game": lambda maps: metrics.pointing_game(maps, BOXES),
    "energy_in_box": lambda maps: metrics.energy_in_box(maps, BOXES),
    "rank_correlation": lambda maps: metrics.rank_correlation(maps, maps),
    "deletion": lambda maps: metrics.deletion(np.zeros, PIXELS, maps, CLASSES),
}
WRONG_MAPS = {
    "single": (MAPS[0], r"map\[None\].*\(16, 16\)"),
    "channels": (MAPS[..., None], r"mask.mean\(axis=-1\).*\(2, 16, 16, 1\)"),
    "infinite": (MAPS + np.inf, "must be finite"),
    "none": (MAPS[:0], "at least one map"),
}


@pytest.mark.parametrize("wrong", WRONG_MAPS)
@pytest.mark.parametrize("name", OF_MAPS)
def test_wrong_maps_are_an_error_with_the_remedy(name, wrong):
    maps, message = WRONG_MAPS[wrong]
    with pytest.raises(ValueError, match=message):
        OF_MAPS[name](maps)


def test_a_rounding_error_of_resizing_is_no_error():
    """A photograph with white parts had values up to 255.00003 after resizing."""
    images = [np.full((8, 8, 3), 255.00003, "float32"), np.full((8, 8, 3), -3e-5)]
    white, black = as_pictures(images)
    assert white.max() == 255 and black.min() == 0
    with pytest.raises(ValueError, match="values from 0 to 256"):
        as_pictures([np.linspace(0, 256, 192).reshape(8, 8, 3)])


# === Models ===


def test_a_model_that_standardizes_takes_pixels(model):
    pixels = keras.Input((16, 16, 3))
    whole = keras.Model(pixels, model(keras.layers.Rescaling(1 / 100, -1)(pixels)))
    expected = explain.mean_masks(model, PIXELS.astype("float32") / 100 - 1)
    for name, values in explain.mean_masks(whole, PIXELS).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5)


def test_a_model_of_pixels_takes_pixels(model, model_folder):
    copy = keras.models.clone_model(model)
    with pytest.raises(ValueError, match="takes_pixels = True"):
        explain.masks(copy, PIXELS)
    settings = model_folder.recipe.preprocessing
    settings = settings.model_copy(update={"mean": 0.0, "std": 1.0})
    recipe = model_folder.recipe.model_copy(update={"preprocessing": settings})
    assert explain.masks(marked(copy, recipe), PIXELS)[MODULE].shape[0] == 2
    assert explain.class_evidence(copy, PIXELS).shape == (2, 16, 16)
    assert not marked(copy, model_folder.recipe).takes_pixels


@pytest.fixture(scope="module")
def two(model):
    """A model with two outputs: `kind` is that of `model`."""
    image = keras.Input((16, 16, 3))
    pooled = model.get_layer("predictions").input
    features = keras.Model(model.input, pooled)(image)
    place = keras.layers.Dense(4, "softmax")(features)
    head = keras.layers.Dense(2, "softmax")
    kind = head(features)
    head.set_weights(model.get_layer("predictions").get_weights())
    return keras.Model(image, {"place": place, "kind": kind})


OF_OUTPUTS = {
    "class_evidence": explain.class_evidence,
    "integrated_gradients": lambda m, x, **o: explain.integrated_gradients(
        m, x, steps=2, **o
    ),
    "hires_cam": explain.hires_cam,
    "occlusion": explain.occlusion,
    "rise": lambda m, x, **o: explain.rise(m, x, count=2, **o),
    "triptych": lambda m, x, **o: explain.feature_triptych(
        m, x, MODULE, "gradient", **o
    )[1],
    "explain_batches": lambda m, x, **o: (
        next(explain.explain_batches(m, [x], **o)).outputs
    ),
    "predictor": lambda m, x, **o: metrics.predictor(m, **o)(x),
}


@pytest.mark.parametrize("name", OF_OUTPUTS)
def test_one_of_two_outputs_is_chosen_by_name(name, two, model, inputs):
    function, images = OF_OUTPUTS[name], inputs[:2]
    with pytest.raises(
        ValueError, match=r"are 'place', 'kind'\. Name one.*output=None"
    ):
        function(two, images)
    expected = function(model, images)
    np.testing.assert_allclose(
        function(two, images, output="kind"), expected, atol=1e-4
    )


def test_masks_do_not_depend_on_the_outputs(two, model, inputs):
    expected = explain.mean_masks(model, inputs)
    for name, values in explain.mean_masks(two, inputs).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5)


def test_integers_of_0_and_1_are_a_dark_image():
    dark = np.ones((2, 8, 8, 3), "uint8")
    assert [picture.max() for picture in as_pictures(dark)] == [1, 1]
    assert as_pictures([dark[0]])[0].dtype == np.float32
    with pytest.raises(ValueError, match="multiply values from 0 to 1 by 255"):
        as_pictures(dark.astype("float32"))


def test_images_of_different_sizes_are_an_error_with_the_remedy():
    with pytest.raises(ValueError, match="different sizes must be resized.*Received"):
        as_array([np.zeros((8, 8, 3)), np.zeros((9, 8, 3))])


def test_one_output_in_a_dictionary_is_that_output(model, inputs):
    image = keras.Input((16, 16, 3))
    named = keras.Model(image, {"kind": model(image)})
    expected = metrics.predictor(model)(inputs)
    np.testing.assert_allclose(metrics.predictor(named)(inputs), expected, atol=1e-6)


def test_a_model_of_pixels_with_two_outputs_takes_pixels(two):
    copy = keras.models.clone_model(two)
    copy.takes_pixels = True
    (explanation,) = explain.explain_batches(copy, [PIXELS], output="kind")
    assert explanation.outputs.shape == (2, 2)
