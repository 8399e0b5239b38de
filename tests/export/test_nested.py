"""A network that a model calls as a layer is exported as the network alone."""

import json
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.export import contract
from keras_resattn.export import export
from keras_resattn.export.precision import prepare
from keras_resattn.views.graph import flatten_layers


def nested_model(model):
    images = keras.Input(model.input_shape[1:])
    layers = [images, keras.layers.Rescaling(1.0), model]
    return keras.Sequential(layers, name="nested")


class Folder(types.SimpleNamespace):
    """The model folder of a test, with another model."""

    def __init__(self, folder):
        names = ("path", "preprocessing", "labels", "recipe")
        attributes = {name: getattr(folder, name) for name in names}
        super().__init__(**attributes, model=nested_model(folder.model))


@pytest.mark.parametrize("optimize", [False, True])
def test_the_signatures_are_those_of_the_network_alone(
    folder, signatures, image_bytes, tmp_path, optimize
):
    path = export(Folder(folder), tmp_path / "nested" / "1", optimize=optimize)
    found = tf.saved_model.load(str(path)).signatures
    assert set(found) == set(signatures)
    given = tf.constant(image_bytes)
    for name in (contract.ATTENTION, contract.SERVING_DEFAULT, contract.EMBED):
        answer = found[name](image_bytes=given)
        expected = signatures[name](image_bytes=given)
        assert set(answer) == set(expected)
        for key, value in expected.items():
            if value.dtype == tf.float32:
                np.testing.assert_allclose(answer[key], value, atol=1e-4)
    if optimize:  # as `signatures` are; otherwise the last bits of a pixel differ
        overlays = found[contract.ATTENTION_OVERLAY](image_bytes=given)
        expected = signatures[contract.ATTENTION_OVERLAY](image_bytes=given)
        assert set(overlays) == set(expected)
        for key, value in expected.items():
            for one, other in zip(overlays[key].numpy(), value.numpy(), strict=True):
                pixels = [tf.io.decode_png(x).numpy().astype(int) for x in (one, other)]
                assert np.abs(pixels[0] - pixels[1]).max() <= 1
    manifest = json.loads((path / contract.MANIFEST).read_text(encoding="utf-8"))
    assert manifest["attention_modules"] == ["stage1_attention1", "stage2_attention1"]


def test_a_nested_model_is_prepared_in_half_precision_and_stays_as_it_is(folder):
    model = nested_model(folder.model)
    before = model.get_weights()
    prepared = prepare(model, "bfloat16")
    assert prepared.get_layer("stage1_attention1_mask").compute_dtype == "bfloat16"
    assert prepared.layers[-1].compute_dtype == "float32"
    assert {layer.compute_dtype for layer in flatten_layers(model)} == {"float32"}
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
