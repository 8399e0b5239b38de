"""Converted Caffe models give the outputs that the authors' layer tables give."""

import re

import keras
import numpy as np
import pytest

from keras_resattn.convert import authors_names
from keras_resattn.convert import convert_caffe
from tests.convert import caffemodels
from tests.convert import layer_table
from tests.models import golden

NETWORKS = {"attention_92": "Attention92", "attention_next_92": "AttentionNeXt92"}
TOLERANCE = 1e-4


def images(size):
    return np.random.default_rng(1).standard_normal((2, 3, size, size))


@pytest.fixture(scope="module", params=list(NETWORKS))
def converted(request, tmp_path_factory):
    """A layer table, random weights, and the model made of their Caffe model."""
    table = layer_table.read(request.param)
    weights = caffemodels.draw(table)
    layer_table.run(table, weights, images(64), [], before=caffemodels.settle(weights))
    path = tmp_path_factory.mktemp("caffe") / "random.caffemodel"
    caffemodels.write(path, caffemodels.layers(table, weights, "inverse-std"))
    model = convert_caffe(
        path, NETWORKS[request.param], "inverse-std", input_shape=(None, None, 3)
    )
    path.unlink()
    return table, weights, model


def compared(table):
    """Return the names of the blobs that must be compared."""
    of_modules = re.compile(r"(pre_res|post_res_4|Attention[ABC])_\d(/mask|/fusion)?")
    return {
        layer["output"] for layer in table if of_modules.fullmatch(layer["output"])
    } | {"cls"}


def compare(converted, size):
    """Return the errors by blob, relative to the blob's standard deviation."""
    table, weights, model = converted
    names = authors_names.outputs(model)
    expected = layer_table.run(table, weights, images(size), list(names))
    layers = {blob: model.get_layer(name).output for blob, name in names.items()}
    x = images(size).transpose(0, 2, 3, 1).astype("float32")
    outputs = keras.Model(model.input, layers)(x)
    errors = {}
    for blob, value in expected.items():
        output = keras.ops.convert_to_numpy(outputs[blob])
        if output.ndim == 4:
            output = output.transpose(0, 3, 1, 2)
        error = np.abs(output - value.reshape(output.shape)).max()
        errors[blob] = float(error / value.std())
    return expected, errors


def test_every_output_is_that_of_the_layer_table(converted):
    expected, errors = compare(converted, 64)
    table, _, model = converted
    modules = 6
    assert sum(blob.endswith("/mask") for blob in errors) == modules
    assert sum(blob.endswith("/fusion") for blob in errors) == modules
    assert compared(table) <= set(errors)
    assert {blob: e for blob, e in errors.items() if e > TOLERANCE} == {}
    # The bound can fail: masks of one size differ a thousand times more.
    masks = [expected[f"AttentionC_{i}/mask"] for i in (1, 2, 3)]
    for i in range(3):
        difference = np.abs(masks[i] - masks[i - 1]).max() / masks[i].std()
        assert difference > 1000 * TOLERANCE


@pytest.mark.slow
def test_every_output_is_that_of_the_layer_table_at_224(converted):
    _, errors = compare(converted, 224)
    assert {blob: e for blob, e in errors.items() if e > TOLERANCE} == {}


@pytest.mark.slow
@pytest.mark.one_backend
@pytest.mark.parametrize("network", ["attention_56", "attention_next_56"])
def test_the_layer_table_gives_the_stored_outputs(network):
    weights, x, stored = golden.load(network)
    table = layer_table.read(network)
    blobs = layer_table.run(table, weights, x.transpose(0, 3, 1, 2), list(stored))
    for name, expected in stored.items():
        value = blobs[name]
        if value.ndim == 4:
            value = value.transpose(0, 2, 3, 1)
        error = np.abs(golden.sample(value) - expected).max()
        assert error < 1e-5 * expected.std(), name


def fine_tuned_56(classes):
    """Return the layer table of an Attention-56 of `classes`, and weights."""
    table = layer_table.read("attention_56")
    for layer in table:
        if layer["type"] == "InnerProduct":
            layer["units"] = classes
    weights = caffemodels.draw(table)
    weights["conv1/bn/var"][0] = 0  # as of a channel that is always zero
    return table, weights


@pytest.mark.one_backend
def test_both_formats_and_both_statistics_give_the_same_weights(tmp_path):
    table, weights = fine_tuned_56(classes=10)
    path = tmp_path / "56.caffemodel"
    models = []
    for old, statistic, name in (
        (False, "inverse-std", "attention56"),
        (True, "variance", "Attention56"),
    ):
        layers = caffemodels.layers(table, weights, statistic)
        if not old:
            kind, (kernel, bias) = layers["classifier"]
            layers["classifier"] = kind, [kernel.astype("float64"), bias]
        caffemodels.write(path, layers, old)
        models.append(convert_caffe(path, name, statistic, (64, 64, 3), None))
    for model in models:
        assert model.output_shape == (None, 10)
        assert model.get_layer("predictions").activation is keras.activations.linear
    values = [model.get_weights() for model in models]
    golden.assign(models[0], weights)
    for i, expected in enumerate(models[0].get_weights()):
        np.testing.assert_allclose(values[0][i], expected, rtol=1e-6, atol=1e-11)
        np.testing.assert_array_equal(values[1][i], expected)
