import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.export import contract
from keras_resattn.export import export
from keras_resattn.export.precision import prepare
from keras_resattn.views.graph import flatten_layers


def test_bfloat16_computes_in_it_and_answers_in_float32(folder):
    model = prepare(folder.model, "bfloat16")
    dtypes = {layer.compute_dtype for layer in flatten_layers(model)}
    assert dtypes == {"float32", "bfloat16"}
    assert model.layers[-1].compute_dtype == "float32"
    assert model.get_layer("stage1_attention1_mask").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert folder.model.get_layer("stage1_attention1_mask").compute_dtype == "float32"


def test_a_model_trained_in_half_precision_is_float32_again(folder):
    half = prepare(folder.model, "bfloat16")
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    expected = folder.model(images)
    assert np.abs(half(images) - expected).max() > 1e-4
    np.testing.assert_allclose(prepare(half)(images), expected, atol=1e-6)
    np.testing.assert_allclose(prepare(half, fold=True)(images), expected, atol=1e-5)


@pytest.mark.parametrize(
    "optimize", [True, pytest.param(False, marks=pytest.mark.slow)]
)
def test_a_bfloat16_export_tells_its_agreement(folder, tmp_path, optimize):
    path = tmp_path / "a" / "1"
    export(folder, path, "bfloat16", warmup=False, optimize=optimize)
    manifest = json.loads((path / contract.MANIFEST).read_text())
    assert manifest["precision"] == "bfloat16"
    assert manifest["batch_normalization_folded"] is optimize
    assert 0.5 <= manifest["parity"]["top_1_agreement"] <= 1
    difference = manifest["parity"]["largest_difference"]["attention"]
    assert 1e-5 < difference["stage1_attention1_mask"] < 0.05
    signatures = tf.saved_model.load(str(path)).signatures
    for signature in signatures.values():
        dtypes = {tensor.dtype for tensor in signature.structured_outputs.values()}
        assert dtypes <= {tf.float32, tf.string}


def test_a_folded_export_gives_the_same_and_keeps_its_masks(folder, tmp_path):
    path = tmp_path / "a" / "1"
    export(folder, path, fold_batch_norm=True, warmup=False, optimize=False)
    manifest = json.loads((path / contract.MANIFEST).read_text())
    assert manifest["attention_modules"] == ["stage1_attention1", "stage2_attention1"]
    differences = manifest["parity"]["largest_difference"]
    assert max(max(row.values()) for row in differences.values()) < 1e-4
    assert manifest["parameters"] < folder.model.count_params()
    assert any(
        isinstance(layer, keras.layers.BatchNormalization)
        for layer in flatten_layers(folder.model)
    )


def test_an_unknown_precision_is_an_error(folder, tmp_path):
    with pytest.raises(
        ValueError, match="'float32', 'bfloat16'.*Received: .*'float64'"
    ):
        export(folder, tmp_path / "a" / "1", "float64")
    assert list(tmp_path.iterdir()) == []
