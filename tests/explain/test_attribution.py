"""Attribution methods against their definitions, on networks of known answer."""

import keras
import numpy as np
import pytest

from keras_resattn.explain import hires_cam
from keras_resattn.explain import integrated_gradients
from keras_resattn.explain import metrics
from keras_resattn.explain import occlusion
from keras_resattn.explain import rise
from keras_resattn.explain.attribution import rise_masks

SIZE = 8
RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(3, SIZE, SIZE, 2)).astype("float32")


def network(activation=None):
    """A 1 x 1 convolution, the mean over the positions, two classes."""
    images = keras.Input((SIZE, SIZE, 2))
    x = keras.layers.Conv2D(3, 1, activation=activation, name="post_relu")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, keras.layers.Dense(2, activation="softmax")(x))
    random = np.random.default_rng(1)
    model.set_weights([random.normal(size=w.shape) for w in model.get_weights()])
    return model


def maps_and_logits(model, inputs, activation):
    kernel, bias, dense, offset = model.get_weights()
    maps = activation(inputs @ kernel[0, 0] + bias)
    return maps, dense, maps.mean(axis=(1, 2)) @ dense + offset


def relu(x):
    return np.maximum(x, 0)


def test_integrated_gradients_of_a_linear_network_are_weights_times_pixels():
    model = network()
    kernel, _, dense, _ = model.get_weights()
    weights = (kernel[0, 0] @ dense)[:, 1] / SIZE**2
    maps = integrated_gradients(model, INPUTS, classes=1, steps=2)
    np.testing.assert_allclose(maps, INPUTS @ weights, atol=1e-6)
    maps = integrated_gradients(model, INPUTS, classes=1, baseline=0.5, steps=2)
    np.testing.assert_allclose(maps, (INPUTS - 0.5) @ weights, atol=1e-6)


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize(
    ("attribute", "options"),
    [
        (integrated_gradients, {"steps": 2}),
        (hires_cam, {}),
        (occlusion, {"size": 3, "stride": 2}),
        (rise, {"count": 20}),
    ],
)
def test_the_order_of_the_axes_changes_no_map(attribute, options, channels_first):
    # Of different height and width, so that a mistaken axis is noticed.
    size = (6, 4)
    inputs = RANDOM.normal(size=(2, *size, 2)).astype("float32")
    first = linear_network(keras.Input((2, *size)))
    maps = attribute(first, np.moveaxis(inputs, -1, 1), classes=1, **options)
    keras.config.set_image_data_format("channels_last")
    last = linear_network(keras.Input((*size, 2)))
    last.set_weights(first.get_weights())
    expected = attribute(last, inputs, classes=1, **options)
    np.testing.assert_allclose(maps, expected, atol=1e-6)


def linear_network(images):
    """A network that runs with both orders of the axes on every processor."""
    x = keras.layers.Activation("linear", name="post_relu")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(2, activation="softmax")(x))


def test_integrated_gradients_are_complete_to_1_percent():
    model = network("relu")
    _, _, logits = maps_and_logits(model, INPUTS, relu)
    _, _, start = maps_and_logits(model, 0 * INPUTS, relu)
    classes = [0, 1, 1]
    expected = (logits - start)[np.arange(3), classes]
    sums = integrated_gradients(model, INPUTS, classes, steps=256).sum(axis=(1, 2))
    np.testing.assert_allclose(sums, expected, rtol=0.01)


def test_they_are_complete_on_an_attention_network(model_folder, inputs):
    model = model_folder.model
    logits = keras.Model(model.input, model.get_layer("predictions").input)
    kernel, bias = model.get_layer("predictions").get_weights()
    ends = logits.predict(inputs, verbose=0) @ kernel + bias
    start = logits.predict(0 * inputs[:1], verbose=0) @ kernel + bias
    options = {"classes": 1, "steps": 1024, "batch_size": 256}
    maps = integrated_gradients(model, inputs[:1], **options)
    expected = (ends - start)[:1, 1]
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), expected, rtol=0.01)


def test_hires_cam_is_maps_times_gradients():
    model = network("relu")
    maps, dense, _ = maps_and_logits(model, INPUTS, relu)
    for index in (0, 1):
        found = hires_cam(model, INPUTS, classes=index)
        expected = maps @ dense[:, index] / SIZE**2
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_occlusion_is_the_fall_of_the_logit():
    model = network()
    kernel, _, dense, _ = model.get_weights()
    parts = INPUTS @ (kernel[0, 0] @ dense)[:, 0] / SIZE**2
    apart = occlusion(model, INPUTS, classes=0, size=4, stride=4, batch_size=2)
    sums = parts.reshape(3, 2, 4, 2, 4).sum(axis=(2, 4))
    expected = sums.repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_allclose(apart, expected, atol=1e-5)
    pixels = occlusion(model, INPUTS, classes=0, size=1, stride=1)
    np.testing.assert_allclose(pixels, parts, atol=1e-5)


def test_rise_is_the_mean_of_masks_by_probabilities():
    model = network("relu")
    masks = rise_masks(40, (SIZE, SIZE), cells=4, seed=3)
    assert masks.shape == (40, SIZE, SIZE)
    assert 0 <= masks.min() and masks.max() <= 1 and 0.3 < masks.mean() < 0.7
    found = rise(model, INPUTS, classes=1, count=40, cells=4, seed=3, batch_size=16)
    for image, values in zip(INPUTS, found, strict=True):
        weights = model.predict(masks[..., None] * image, verbose=0)[:, 1]
        expected = (weights[:, None, None] * masks).sum(axis=0) / (40 * 0.5)
        np.testing.assert_allclose(values, expected, rtol=1e-4)


@pytest.mark.parametrize("method", [integrated_gradients, hires_cam, occlusion, rise])
def test_classes_are_the_most_probable_or_checked(method):
    model = network("relu")
    best = model.predict(INPUTS, verbose=0).argmax(axis=-1)
    np.testing.assert_array_equal(
        method(model, INPUTS), method(model, INPUTS, classes=best)
    )
    with pytest.raises(ValueError, match="from 0 to 1, or 3 .*Received: classes=2"):
        method(model, INPUTS, classes=2)


def test_sparseness_is_the_gini_index():
    one = np.zeros((1, 2, 2))
    one[0, 0, 1] = -3
    maps = np.concatenate([one, np.ones((1, 2, 2)), np.zeros((1, 2, 2))])
    np.testing.assert_allclose(metrics.sparseness(maps), [0.75, 0, 0])
    values = RANDOM.random(16)
    differences = abs(values[:, None] - values).sum()
    expected = differences / (2 * 16 * values.sum())  # half the mean difference
    np.testing.assert_allclose(metrics.sparseness(values.reshape(1, 4, 4)), expected)


def test_max_sensitivity_is_the_largest_relative_change():
    assert not metrics.max_sensitivity(lambda x: np.ones(x.shape[:3]), INPUTS).any()
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (2, *INPUTS.shape))
    first = INPUTS[..., 0]
    changes = [
        np.linalg.norm(one[..., 0].reshape(3, -1), axis=1)
        / np.linalg.norm(first.reshape(3, -1), axis=1)
        for one in noise
    ]
    found = metrics.max_sensitivity(lambda x: x[..., 0], INPUTS, 0.1, samples=2)
    np.testing.assert_allclose(found, np.max(changes, axis=0), rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "name"), [({"count": 0}, "count"), ({"cells": 0}, "cells")]
)
def test_masks_of_rise_need_numbers(options, name):
    with pytest.raises(ValueError, match=f"{name}.*Received"):
        rise_masks(**{"count": 2, "size": (8, 8), **options})
    with pytest.raises(ValueError, match="above 0.*Received: visible=0"):
        rise_masks(2, (8, 8), visible=0)


def test_rise_weights_by_what_the_model_returns():
    images = keras.Input((SIZE, SIZE, 2))
    x = keras.layers.GlobalAveragePooling2D()(images)
    model = keras.Model(images, keras.layers.Dense(2, "sigmoid")(x))
    masks = rise_masks(20, (SIZE, SIZE))
    for image, found in zip(
        INPUTS, rise(model, INPUTS, classes=1, count=20), strict=True
    ):
        weights = np.asarray(model(masks[..., None] * image))[:, 1]
        expected = np.tensordot(weights, masks, 1) / (20 * 0.5)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_rise_needs_probabilities():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(1))
    with pytest.raises(ValueError, match="One logit has no softmax.*sigmoid"):
        rise(model, np.zeros((1, 4, 4, 1), "float32"), count=2)


def test_one_class_per_image_or_one_for_all():
    with pytest.raises(ValueError, match=r"3 integers.*classes=\[0, 1\]"):
        integrated_gradients(network(), INPUTS, classes=[0, 1])
