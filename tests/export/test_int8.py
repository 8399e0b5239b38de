"""Exports in 8 bits, and the images they are calibrated on."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from keras_resattn.export import Calibration
from keras_resattn.export import calibration_images
from keras_resattn.export import export_format
from keras_resattn.export import int8
from keras_resattn.export.calibration import evenly
from keras_resattn.export.formats import FORMATS


@pytest.fixture(scope="module")
def calibration(folder, photos):
    return calibration_images(folder, photos)


# === Images ===


def test_a_fifth_of_the_images_is_held_out(folder, photos, calibration):
    assert (len(calibration.pixels), len(calibration.held_out)) == (32, 8)
    assert calibration.pixels.dtype == np.float32
    assert calibration.notes == ()
    everything = np.concatenate([calibration.pixels, calibration.held_out])
    expected = folder.images(sorted(photos.glob("*/*.*")))
    assert sorted(map(np.sum, everything)) == sorted(map(np.sum, expected))


def test_images_are_chosen_evenly_and_at_most_as_many_as_wanted(
    folder, photos, monkeypatch
):
    monkeypatch.setattr("keras_resattn.export.calibration.HELD_OUT", 2)
    chosen = calibration_images(folder, photos, count=8)
    assert (len(chosen.pixels), len(chosen.held_out)) == (8, 2)
    monkeypatch.setattr("keras_resattn.export.calibration.HELD_OUT", 20)
    assert len(calibration_images(folder, photos, count=8).pixels) == 8
    everything = np.concatenate([chosen.pixels, chosen.held_out])
    expected = folder.images(sorted(photos.glob("*/*.*"))[::4])
    assert sorted(map(np.sum, everything)) == sorted(map(np.sum, expected))


def test_a_csv_file_gives_its_training_images(folder, photos, tmp_path):
    files = sorted(photos.glob("*/*.*"), key=lambda file: file.name)[:12]
    lines = [f"{file},{file.parent.name},train" for file in files[:10]]
    lines += [f"{file},{file.parent.name},test" for file in files[10:]]
    table = tmp_path / "images.csv"
    table.write_text("path,label,split\n" + "\n".join(lines) + "\n")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"nothing")
    with table.open("a") as file:
        file.write(f"{bad},{files[0].parent.name},train\n")
    chosen = calibration_images(folder, table)
    assert chosen.notes == (
        f"1 of 11 images cannot be read and are left out. The first one: {bad}",
    )
    everything = np.concatenate([chosen.pixels, chosen.held_out])
    expected = folder.images(files[:10])
    assert sorted(map(np.sum, everything)) == sorted(map(np.sum, expected))


def test_files_that_are_left_out_are_counted(folder, pictures, tmp_path):
    for picture in pictures:
        (tmp_path / picture.name).write_bytes(picture.read_bytes())
    (tmp_path / "bad.png").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("text")
    left_out, unreadable = calibration_images(folder, tmp_path).notes
    assert "1 .txt" in left_out
    assert unreadable.startswith("1 of ")
    assert unreadable.endswith("bad.png")


def test_one_image_is_too_few(folder, pictures, tmp_path):
    (tmp_path / "one.png").write_bytes(pictures[0].read_bytes())
    with pytest.raises(ValueError, match=r"at least 2 .* Received: 1 in "):
        calibration_images(folder, tmp_path)


# === Files ===


@pytest.mark.slow
@pytest.mark.parametrize("format", int8.FORMATS)
def test_eight_bits_answer_nearly_as_keras_does(folder, calibration, tmp_path, format):
    path, manifest = export_format(
        folder, tmp_path / "out", format, calibration=calibration
    )
    assert json.loads((path / "manifest.json").read_text()) == manifest
    assert (manifest["precision"], manifest["batch_normalization_folded"]) == (
        "int8",
        True,
    )
    described = manifest["calibration"]
    assert (described["data"], described["images"]) == (calibration.source, 32)
    (name,) = described["convolutions_in_float32"]
    assert "stem_conv" in name
    assert manifest["parity"]["images"] == 8
    assert "not used to calibrate" in manifest["parity"]["source"]
    file = path / FORMATS[format].file
    answers = FORMATS[format].run(file, calibration.held_out)
    expected = folder.model(folder.preprocessing.standardize(calibration.held_out))
    # Eight bits round, so the answers are near but not equal.
    difference = np.abs(answers - np.asarray(expected)).max()
    assert 1e-5 < difference < 0.1
    largest = manifest["parity"]["largest_difference"]["probabilities"]
    assert largest == pytest.approx(difference, rel=0.05)


@pytest.mark.slow
def test_the_weights_have_eight_bits_and_a_scale_per_channel(
    folder, calibration, tmp_path
):
    import onnx

    path, _ = export_format(folder, tmp_path / "out", "onnx", calibration=calibration)
    graph = onnx.load(path / "model.onnx").graph
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    scales = [makers[n.input[1]] for n in convolutions if n.input[1] in makers]
    assert len(scales) == len(convolutions) - 1
    for node in scales:
        kernel, scale = (arrays[name] for name in node.input[:2])
        assert (node.op_type, kernel.dtype) == ("DequantizeLinear", np.int8)
        assert scale.shape == kernel.shape[:1]


def test_the_sensitive_convolution_is_the_first_one():
    nodes = [
        SimpleNamespace(name=name, op_type=kind)
        for name, kind in [("scaled", "Mul"), ("first", "Conv"), ("second", "Conv")]
    ]
    assert int8.sensitive_convolutions(SimpleNamespace(node=nodes)) == ["first"]


# === Errors ===


@pytest.fixture
def black():
    return Calibration("black images", *np.zeros((2, 2, 16, 16, 3), "float32"))


def test_litert_has_no_eight_bits(folder, tmp_path, black):
    with pytest.raises(ValueError, match=r"onnx and openvino. Received: .*'litert'"):
        export_format(folder, tmp_path / "out", "litert", calibration=black)


def test_a_missing_quantizer_is_named_with_its_extra(
    folder, tmp_path, black, monkeypatch
):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"pip install .*\[onnx\]"):
        export_format(folder, tmp_path / "out", "onnx", calibration=black)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("count", "wanted"), [(10, 4), (7, 6), (3, 5), (8, 4)])
def test_chosen_numbers_are_spread_over_all(count, wanted):
    chosen = evenly(count, wanted)
    assert len(set(chosen)) == len(chosen) == min(count, wanted)
    steps = np.diff([*chosen, count])
    assert chosen[0] == 0 and steps.max() - steps.min() <= 1
