import json
import sys

import numpy as np
import pytest

from keras_resattn.export import export_format
from keras_resattn.export.formats import FORMATS
from keras_resattn.export.measure import check_parity
from tests.export.conftest import NAMES


@pytest.mark.slow
@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_runtime_answers_as_keras_does(folder, tmp_path, format, fold):
    path, manifest = export_format(folder, tmp_path / "out", format, fold)
    files = {file.name for file in path.iterdir()}
    expected = {"labels.txt", "manifest.json", FORMATS[format].file}
    assert files == expected | ({"model.bin"} if format == "openvino" else set())
    assert json.loads((path / "manifest.json").read_text()) == manifest
    assert manifest["parity"]["measured"] is True
    assert manifest["parity"]["top_1_agreement"] == 1
    assert manifest["parity"]["largest_difference"]["probabilities"] < 1e-4
    # The file, run by what is installed, on other pixels than those measured on.
    pixels = np.random.default_rng(1).uniform(0, 255, (3, 16, 16, 3)).astype("float32")
    answers = FORMATS[format].run(path / FORMATS[format].file, pixels)
    expected = folder.model(folder.preprocessing.standardize(pixels))
    np.testing.assert_allclose(answers, expected, atol=1e-4)
    assert answers.shape == (3, len(NAMES))


@pytest.mark.slow
def test_openvinos_converter_reports_nothing(folder, tmp_path):
    export_format(folder, tmp_path / "out", "openvino")
    assert sys.modules["openvino_telemetry"] is None


@pytest.mark.slow
def test_without_a_runtime_the_manifest_says_unmeasured(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    path, manifest = export_format(folder, tmp_path / "out", "litert")
    assert manifest["parity"] == {"runtime": "ai_edge_litert", "measured": False}
    assert (path / "model.tflite").stat().st_size > 0


def test_an_unknown_format_is_an_error(folder, tmp_path):
    with pytest.raises(ValueError, match="'onnx', 'openvino'.*Received: .*'coreml'"):
        export_format(folder, tmp_path / "out", "coreml")


def test_a_folder_in_use_is_never_overwritten(folder, tmp_path):
    with pytest.raises(FileExistsError, match="a new one. Received: "):
        export_format(folder, tmp_path, "onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_writer_is_named_with_its_extra(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r"pip install .*\[onnx\]"):
        export_format(folder, tmp_path / "out", "onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_difference_that_is_not_a_number_is_refused():
    nan = {"attention": {"probabilities": 1e-6, "mask": float("nan")}}
    with pytest.raises(ValueError, match="a difference of nan"):
        check_parity({"largest_difference": nan})
