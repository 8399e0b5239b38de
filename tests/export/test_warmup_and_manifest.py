import json
import sys

import pytest
import tensorflow as tf

from keras_resattn.export import contract
from keras_resattn.export import export
from keras_resattn.export.warmup import read_warmup
from tests.export.conftest import NAMES


@pytest.fixture(scope="module")
def manifest(saved_model):
    return json.loads((saved_model / contract.MANIFEST).read_text(encoding="utf-8"))


def test_there_is_a_warmup_request_for_each_signature(saved_model, signatures):
    requests = read_warmup(saved_model)
    assert sorted(name for name, _ in requests) == sorted(signatures)
    for name, inputs in requests:
        answer = signatures[name](**{k: tf.constant(v) for k, v in inputs.items()})
        assert all(value.shape[0] == 1 for value in answer.values())


def test_warmup_requests_are_the_records_that_tensorflow_serving_reads(saved_model):
    from tensorflow_serving.apis import prediction_log_pb2 as log_pb2

    file = saved_model / "assets.extra" / "tf_serving_warmup_requests"
    records = tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    logs = [log_pb2.PredictionLog.FromString(record) for record in records]
    kinds = [log.WhichOneof("log_type") for log in logs]
    assert sorted(kinds) == ["classify_log"] + ["predict_log"] * 5
    for log in logs:
        request = getattr(log, log.WhichOneof("log_type")).request
        assert request.model_spec.name == "small"


def test_without_the_messages_of_tensorflow_serving_there_is_no_warmup(
    folder, tmp_path, monkeypatch, pictures
):
    monkeypatch.setitem(sys.modules, "tensorflow_serving", None)
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.raises(ImportError, match=r"pip install .*\[serve\]"):
        export(folder, tmp_path / "small" / "1", warmup=True)
    assert list(tmp_path.iterdir()) == []
    path = export(folder, tmp_path / "small" / "1", images=pictures[:3])
    assert not (path / contract.WARMUP).exists()
    manifest = json.loads((path / contract.MANIFEST).read_text())
    assert manifest["warmup_requests"] == 0
    assert manifest["parity"]["images"] == 3
    assert manifest["parity"]["source"] == "images given"


def test_the_manifest_tells_how_to_call_it(manifest, signatures):
    assert (manifest["name"], manifest["version"]) == ("small", 1)
    assert manifest["labels"] == list(NAMES)
    assert manifest["attention_modules"] == ["stage1_attention1", "stage2_attention1"]
    assert manifest["preprocessing"]["input_shape"] == [16, 16, 3]
    assert manifest["versions"]["tensorflow"] == tf.__version__
    assert manifest["image_bytes"]["largest_number_of_pixels"] == 50_000_000
    assert manifest["warmup_requests"] == 6
    assert set(manifest["signatures"]) == set(signatures)
    assert manifest["signatures"]["predict_images"] == {
        "method": "predict",
        "inputs": {
            "images": {
                "dtype": "float32",
                "shape": [None, None, None, 3],
                "range": [0, 255],
            }
        },
        "outputs": {
            "probabilities": {"dtype": "float32", "shape": [None, 7], "range": [0, 1]},
            "top_k_labels": {"dtype": "string", "shape": [None, 5]},
            "top_k_probabilities": {
                "dtype": "float32",
                "shape": [None, 5],
                "range": [0, 1],
            },
        },
    }
    masks = manifest["signatures"]["attention"]["outputs"]
    assert masks["stage2_attention1_mask"]["shape"] == [None, 8, 8]


def test_the_manifest_tells_how_far_the_export_is_from_the_model(manifest):
    parity = manifest["parity"]
    assert parity["images"] == 16
    assert "Fashion-MNIST" in parity["source"]
    assert parity["top_1_agreement"] == 1
    differences = parity["largest_difference"]
    assert set(differences) == {
        "serving_default",
        "predict_images",
        "classify",
        "embed",
        "attention",
    }
    assert set(differences["serving_default"]) == {
        "probabilities",
        "top_k_probabilities",
    }
    assert max(max(row.values()) for row in differences.values()) < 1e-5
