"""`keras-resattn convert` by its exit codes and output."""

import json
import re

import keras
import numpy as np
import pytest
import safetensors.numpy

from keras_resattn.convert.folder import IMAGENET
from keras_resattn.model_folder import ModelFolder
from tests.convert import caffemodels
from tests.convert import golden
from tests.convert import layer_table


@pytest.fixture(scope="module")
def caffemodel(tmp_path_factory):
    """The path of an Attention-56 of random weights, and these."""
    table = layer_table.read("attention_56")
    weights = caffemodels.draw(table)
    path = tmp_path_factory.mktemp("caffe") / "56.caffemodel"
    caffemodels.write(path, caffemodels.layers(table, weights, "variance"))
    return path, weights


def test_a_caffe_model_becomes_a_keras_file(run, caffemodel, tmp_path):
    path, weights = caffemodel
    out = tmp_path / "new" / "56.keras"
    options = ("--network", "Attention56", "--bn-statistic", "variance")
    code, output, errors = run("convert", "caffe", path, out, *options)
    assert (code, errors) == (0, "")
    assert output == (
        f"The Keras model is {out}: attention56, 31,883,432 parameters from 540 "
        f"blobs.\n{out.with_suffix('.json')} is not written, because a Caffe file has "
        "no class names, mean and standard deviation. Give them to other commands: "
        "--labels, --mean, --std.\n"
    )
    model = keras.saving.load_model(out, compile=False)
    kernel = model.get_layer("predictions").kernel
    np.testing.assert_array_equal(kernel, weights["classifier/kernel"].T)
    assert [path.name for path in out.parent.iterdir()] == ["56.keras"]


def bad_calls(model, out):
    """Yield arguments, exit code and what the one line must say."""
    network, variance = ("--network", "Attention56"), ("--bn-statistic", "variance")
    text, missing = out.with_name("text.caffemodel"), out.with_name("missing")
    text.write_text("no model")
    yield (missing, out, *network, *variance), 1, f"no such file.*path='{missing}'"
    yield (text, out, *network, *variance), 1, f"not a Caffe model.*path='{text}'"
    yield (
        (model, out, "--network", "AttentionNeXt56", *variance),
        1,
        f"conv1_1x1: blob 0 has shape.*missing.*left over.*Received: path='{model}'",
    )
    yield (
        (model, out, "--network", "ResNet", *variance),
        1,
        "'AttentionNeXt92'.*Received: network='ResNet'",
    )


def test_bad_input_is_one_line_and_nothing_is_written(run, caffemodel, tmp_path):
    out = tmp_path / "out" / "model.keras"
    out.parent.mkdir()
    for arguments, expected, message in bad_calls(caffemodel[0], out):
        code, output, errors = run("convert", "caffe", *arguments)
        assert code == expected, (arguments, errors)
        assert len(errors.splitlines()) == 1, (arguments, errors)
        assert re.search(message, errors), (arguments, errors)
        assert output == ""
        assert [path.name for path in out.parent.iterdir()] == ["text.caffemodel"]


def test_a_file_that_does_not_end_in_keras_is_wrong_usage(run, tmp_path):
    h5, options = tmp_path / "model.h5", ("--bn-statistic", "variance")
    code, output, errors = run(
        *("convert", "caffe", "missing", h5, "--network", "Attention56"), *options
    )
    assert (code, output) == (2, "")
    assert errors.endswith(f"ends in .keras. Received: out='{h5}'\n")


def test_the_statistic_must_be_stated(run, tmp_path):
    files = (tmp_path / "model.caffemodel", tmp_path / "model.keras")
    for options, message in (
        ((), "Missing option '--bn-statistic'"),
        (("--bn-statistic", "std"), "'inverse-std', 'variance'"),
    ):
        code, _, errors = run(
            "convert", "caffe", *files, "--network", "Attention56", *options
        )
        assert code == 2
        assert message in errors
    _, output, _ = run("convert", "caffe", "--help")
    assert "standard deviation is never 0 or above 316.3" in " ".join(output.split())


def test_pytorchcv_writes_a_model(run, tmp_path):
    weights, images, expected = golden.load()
    state, out = tmp_path / "resattnet56.safetensors", tmp_path / "resattnet56.keras"
    safetensors.numpy.save_file(weights, state)
    code, output, errors = run(
        "convert", "pytorchcv", state, out, "--network", "Attention56"
    )
    assert code == 0, errors
    assert "pytorchcv_attention56, 31,883,432 parameters from" in output
    assert "minus the mean 0.485 0.456 0.406" in output
    probabilities = keras.saving.load_model(out).predict(images, verbose=0)
    softmax = np.exp(expected["logits"]) / np.exp(expected["logits"]).sum()
    np.testing.assert_allclose(probabilities, softmax, atol=1e-6)
    # Commands know the preprocessing from the file beside it.
    beside = tmp_path / "resattnet56.json"
    assert f"{beside} has the mean and the standard deviation, but no class" in output
    assert json.loads(beside.read_text()) == {
        "mean": list(IMAGENET.mean),
        "std": list(IMAGENET.std),
        "resize": "squash",
    }
    image = tmp_path / "image.png"
    keras.utils.save_img(image, np.zeros((30, 20, 3)), scale=False)
    with pytest.warns(UserWarning, match="names of the classes are unknown"):
        assert run("predict", out, image)[0] == 0
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"label {i}\n" for i in range(1000)))
    options = ("--network", "Attention56", "--labels", labels)
    code, output, _ = run("convert", "pytorchcv", state, out, *options)
    assert code == 0 and "standard deviation, and 1000 class names." in output
    code, output, errors = run("predict", out, image)
    assert (code, errors) == (0, "") and "label " in output


def test_pytorchcv_makes_a_folder_that_predicts(run, tmp_path):
    weights, images, expected = golden.load()
    state, out = tmp_path / "resattnet56.safetensors", tmp_path / "resattnet56"
    safetensors.numpy.save_file(weights, state)
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"label {i}\n" for i in range(1000)))
    arguments = ("pytorchcv", state, out, "--network", "Attention56", "--labels")
    code, output, errors = run("convert", *arguments, labels)
    assert code == 0, errors
    assert "Commands that take the folder do this." in output
    folder = ModelFolder.open(out)
    assert folder.labels[7] == "label 7"
    # The golden images are standardized; the folder does that to pixels.
    mean, std = np.array(IMAGENET.mean), np.array(IMAGENET.std)
    inputs = folder.preprocessing.standardize(images * std + mean)
    np.testing.assert_allclose(inputs, images, atol=1e-5)
    softmax = np.exp(expected["logits"]) / np.exp(expected["logits"]).sum()
    probabilities = folder.model.predict(inputs, verbose=0)
    np.testing.assert_allclose(probabilities, softmax, atol=1e-5)

    image = tmp_path / "image.png"
    keras.utils.save_img(image, np.zeros((300, 200, 3)), scale=False)
    code, output, errors = run("predict", out, image)
    assert (code, errors) == (0, "")
    assert "label " in output
    assert run("convert", *arguments, labels)[0] == 1  # it is there already


def test_the_labels_must_fit(run, tmp_path):
    weights, _, _ = golden.load()
    state, labels = tmp_path / "state.safetensors", tmp_path / "labels.txt"
    safetensors.numpy.save_file(weights, state)
    labels.write_text("one\ntwo\n")
    for out, expected, message in (
        ("folder", 1, "1000 classes.*Received: 2 labels"),
        ("model.keras", 1, "1000 classes.*Received: 2 labels"),
    ):
        options = ("--network", "Attention56", "--labels", labels)
        code, _, errors = run("convert", "pytorchcv", state, tmp_path / out, *options)
        assert code == expected
        assert re.search(message, errors)
    assert sorted(tmp_path.iterdir()) == [labels, state]


def test_pytorchcv_writes_nothing_if_the_weights_do_not_fit(run, tmp_path):
    state, out = tmp_path / "state.safetensors", tmp_path / "model.keras"
    safetensors.numpy.save_file({"fc.weight": np.zeros((2, 3))}, state)
    for network, to, expected, message in (
        ("Attention56", out, 1, "missing: .*left over: fc.weight"),
        ("Attention56", tmp_path / "m.h5", 2, "ends in .keras, or a folder.*m.h5"),
        ("AttentionNeXt56", out, 1, "'Attention92'.*network='AttentionNeXt56'"),
    ):
        code, _, errors = run("convert", "pytorchcv", state, to, "--network", network)
        assert code == expected
        assert re.search(message, errors)
    assert list(tmp_path.iterdir()) == [state]
