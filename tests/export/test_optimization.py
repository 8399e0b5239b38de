import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.export import contract
from keras_resattn.export import export
from keras_resattn.export.optimization import NativeAlignedResize
from keras_resattn.export.optimization import optimize
from keras_resattn.export.optimization import resize_natively
from keras_resattn.export.precision import prepare
from keras_resattn.layers import AlignedResize
from keras_resattn.views.graph import flatten_layers


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(3, 16, 16, 3)).astype("float32")


@pytest.fixture(scope="module")
def optimized(folder):
    return prepare(folder.model, optimize=True)


def test_an_optimized_network_computes_the_same(folder, optimized, images):
    np.testing.assert_allclose(optimized(images), folder.model(images), atol=1e-5)


def test_no_layer_is_left_that_tensorflow_cannot_fuse(optimized):
    kinds = {type(layer) for layer in flatten_layers(optimized)}
    assert not kinds & {keras.layers.BatchNormalization, AlignedResize}
    assert {keras.layers.DepthwiseConv2D, NativeAlignedResize} <= kinds
    convolutions = [x for x in optimized.layers if isinstance(x, keras.layers.Conv2D)]
    assert all(layer.use_bias for layer in convolutions)


def test_the_sigmoid_of_a_mask_is_float32_in_bfloat16(folder):
    model = prepare(folder.model, "bfloat16", optimize=True)
    dtypes = [
        layer.compute_dtype
        for layer in model.layers
        if getattr(layer, "activation", None) is keras.activations.sigmoid
    ]
    assert dtypes == ["float32"] * 2
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} == {"bfloat16"}


def test_weights_are_bfloat16_too_because_each_call_would_cast_others(folder):
    model = prepare(folder.model, "bfloat16", optimize=True)
    *body, classifier = [layer for layer in model.layers if layer.weights]
    assert {weight.dtype for layer in body for weight in layer.weights} == {"bfloat16"}
    assert {weight.dtype for weight in classifier.weights} == {"float32"}


@pytest.mark.parametrize(("small", "large"), [((3, 5), (7, 10)), ((1, 1), (2, 3))])
def test_the_native_resize_is_the_layer_it_stands_for(small, large):
    x = np.random.default_rng(0).normal(size=(2, *small, 4)).astype("float32")
    reference = np.zeros((2, *large, 1), "float32")
    expected = AlignedResize()([x, reference])
    found = NativeAlignedResize()([x, reference])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("rewrite", [optimize, resize_natively])
def test_maps_with_the_channels_first_are_left_as_they_are(rewrite):
    inputs = keras.Input((4, 6, 6))
    x = keras.layers.BatchNormalization(axis=1)(inputs)
    x = AlignedResize(data_format="channels_first")([x, inputs])
    kinds = {type(layer) for layer in rewrite(keras.Model(inputs, x)).layers}
    assert {keras.layers.BatchNormalization, AlignedResize} <= kinds


def test_only_the_resizes_are_replaced_for_converters(folder, images):
    model = prepare(folder.model, fold=True)
    kinds = [type(layer) for layer in model.layers]
    native = resize_natively(model)
    replaced = [NativeAlignedResize if x is AlignedResize else x for x in kinds]
    assert [type(layer) for layer in native.layers] == replaced
    assert AlignedResize in kinds
    assert [type(layer) for layer in model.layers] == kinds
    np.testing.assert_allclose(native(images), model(images), atol=1e-5)
    assert resize_natively(native) is native


@pytest.fixture(scope="module")
def saved_model(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "small" / "1"
    return export(folder, path, warmup=False)


def test_an_optimized_export_gives_the_same_in_each_signature(saved_model):
    manifest = json.loads((saved_model / contract.MANIFEST).read_text())
    assert manifest["optimized"] is True
    assert manifest["batch_normalization_folded"] is True
    differences = manifest["parity"]["largest_difference"]
    assert max(max(row.values()) for row in differences.values()) < 1e-4
    assert manifest["parity"]["top_1_agreement"] == 1


def test_it_takes_pixels_of_any_size_and_none(saved_model):
    predict = tf.saved_model.load(str(saved_model)).signatures["predict_images"]
    shapes = [(2, 16, 16, 3), (1, 20, 31, 3), (0, 16, 16, 3)]
    for shape in shapes:
        probabilities = predict(images=tf.zeros(shape))[contract.PROBABILITIES]
        assert probabilities.shape == (shape[0], 7)
