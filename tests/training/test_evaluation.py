"""Evaluation on the images of a recipe, and on any others."""

import csv
import json
import math
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn import training
from keras_resattn.data import evaluation_batches
from keras_resattn.data import load
from keras_resattn.data.evaluation_images import NOT_DIVIDED
from keras_resattn.data.evaluation_images import is_of_recipe
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import preprocessing_of
from keras_resattn.recipes.files import load_recipe
from keras_resattn.recipes.settings import Data
from keras_resattn.training.build import build_model
from keras_resattn.training.classification_metrics import calibration_bins
from keras_resattn.training.predicted_images import UNKNOWN
from keras_resattn.training.predicted_images import PredictedImage
from keras_resattn.training.predicted_images import PredictedImages
from keras_resattn.training.predicted_images import least_sure
from keras_resattn.training.predicted_images import most_sure_and_wrong
from tests.training.recipes import changed


def untrained(recipe, labels, path):
    """Make a model folder whose probabilities are extreme, without a training."""
    path.mkdir(parents=True)
    folder = ModelFolder(path)
    (path / "recipe.yaml").write_text(recipe.to_yaml())
    (path / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    network, model = build_model(recipe, folder.preprocessing, len(labels), 1)
    head = network.layers[-1].kernel
    head.assign(1000 * np.random.default_rng(0).normal(size=head.shape))
    network.save(path / "model.keras")
    return ModelFolder.open(path), model


@pytest.fixture(scope="module")
def folder(small_recipe, tmp_path_factory):
    recipe = changed(small_recipe, {"train.label_smoothing": 0.2})
    path = tmp_path_factory.mktemp("runs") / "a"
    return untrained(recipe, ("bright", "dark"), path)[0]


def lines(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_images(root, *names):
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((16, 16, 3), 40 * i, "uint8")
        (root / name).write_bytes(tf.io.encode_png(pixels).numpy())


def test_metrics_are_those_computed_by_hand():
    truth = np.array([0, 0, 0, 1, 1, 2])
    probabilities = np.array(
        [
            [0.50, 0.30, 0.20, 0],
            [0.50, 0.45, 0.05, 0],
            [0.10, 0.80, 0.10, 0],
            [0.25, 0.74, 0.01, 0],
            [0.60, 0.35, 0.05, 0],
            [0.97, 0.01, 0.02, 0],
        ]
    )
    confusion = training.confusion_matrix(truth, probabilities.argmax(axis=1), 4)
    assert confusion.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0] * 4]
    results = training.class_results(confusion, "abcd")
    figures = [(one.images, one.precision, one.recall, one.f1) for one in results]
    assert figures == [
        (3, 2 / 4, 2 / 3, pytest.approx(4 / 7)),
        (2, 1 / 2, 1 / 2, 1 / 2),
        (1, None, 0, 0),
        (0, None, None, None),
    ]
    assert training.top_accuracy(truth, probabilities, 1) == 3 / 6
    assert training.top_accuracy(truth, probabilities, 2) == 1
    # Of the bins of 1/15, one has two right images at 0.5, one has a right image at
    # 0.74 and a wrong one at 0.8, and two have a wrong image each.
    expected = (2 * 0.5 + (0.74 + 0.8 - 1) + 0.6 + 0.97) / 6
    assert training.calibration_error(truth, probabilities) == pytest.approx(expected)
    # In one bin, errors in both directions cancel out.
    overall = abs(3 / 6 - probabilities.max(axis=1).mean())
    error = training.calibration_error(truth, probabilities, bins=1)
    assert error == pytest.approx(overall)


def test_of_equal_probabilities_the_first_counts_as_the_predicted_class():
    equal = np.full((4, 10), 0.1)
    assert training.top_accuracy(np.array([0, 4, 5, 9]), equal, 5) == 0.5


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_that_of_fit_without_class_weights(
    small_recipe, tmp_path, smoothing
):
    settings = {
        "train.label_smoothing": smoothing,
        "train.class_weights": {"dark": 5.0},
    }
    recipe = changed(small_recipe, settings)
    folder, model = untrained(recipe, ("bright", "dark"), tmp_path / "a")
    data = load(recipe.data, folder.preprocessing)
    batches = evaluation_batches(
        data.validation, folder.preprocessing, 3, 2, standardized=False
    )
    loss, accuracy = model.evaluate(batches, verbose=0)
    evaluation = training.evaluate(folder, batch_size=3)
    assert evaluation.loss == pytest.approx(loss, rel=1e-4)
    assert evaluation.accuracy == pytest.approx(accuracy)
    # The probabilities alone would give less than this.
    assert evaluation.loss > -math.log(keras.config.epsilon())
    assert evaluation.label_smoothing == smoothing


def test_results_of_the_recipe_are_saved_and_in_the_card(folder):
    evaluation = training.evaluate(folder)
    assert evaluation.split == "test" and evaluation.top5_accuracy is None
    assert [one.label for one in evaluation.classes] == ["bright", "dark"]
    saved = json.loads((folder.path / "evaluation.json").read_text())
    assert saved["calibration_error"] == evaluation.calibration_error
    card = (folder.path / "card.md").read_text()
    assert "| calibration_error |" in card and "calibration of" not in card
    train = training.evaluate(folder, data=folder.recipe.data.name, split="train")
    assert train.count == 36 and train.split == "train"
    assert json.loads((folder.path / "evaluation.json").read_text()) == saved


def test_a_folder_without_splits_is_used_whole_and_what_is_left_out_counted(
    folder, tmp_path
):
    root, table = tmp_path / "photos", tmp_path / "out" / "predictions.csv"
    write_images(root, "dark/0.png", "dark/deep/1.PNG", "night/2.png", "dark/3.png")
    (root / "dark" / "3.png").write_bytes(b"")
    (root / "dark" / "notes.txt").write_text("")
    evaluation = training.evaluate(folder, data=root, predictions=table)
    assert (evaluation.count, evaluation.split) == (2, "all")
    assert evaluation.unknown == {"night": 1} and evaluation.unreadable == 1
    assert evaluation.notes == ("left out: 1 .txt", NOT_DIVIDED)
    rows = lines(table)
    assert [row["image"].removeprefix(f"{root}/") for row in rows] == [
        *("dark/0.png", "dark/deep/1.PNG", "night/2.png", "dark/3.png")
    ]
    assert [row["label"] for row in rows] == ["dark", "dark", "night", ""]
    assert rows[2]["left_out"] == "not a class of the model" and rows[2]["predicted"]
    assert rows[3]["left_out"].startswith("is empty")
    probabilities = folder.predict([rows[0]["image"], rows[1]["image"]])
    for row, values in zip(rows, probabilities, strict=False):
        assert row["predicted"] == folder.labels[values.argmax()]
        assert float(row["probability"]) == pytest.approx(values.max(), abs=1e-4)
        assert float(row["label_probability"]) == pytest.approx(values[1], abs=1e-4)
    losses = [float(row["loss"]) for row in rows[:2]]
    assert evaluation.loss == pytest.approx(np.mean(losses), abs=1e-5)


def test_the_split_can_be_chosen(folder, tmp_path):
    root = tmp_path / "photos"
    write_images(root, "Test/dark/0.png", "val/dark/1.png", "val/dark/2.png")
    assert training.evaluate(folder, data=root).count == 1
    assert training.evaluate(folder, data=root, split="validation").count == 2
    with pytest.raises(ValueError, match="no split 'train'; choose .*test, validation"):
        training.evaluate(folder, data=root, split="train")
    with pytest.raises(ValueError, match="not divided, so leave out `split`"):
        training.evaluate(folder, data=root / "Test", split="test")


def test_a_csv_file_is_tested_on(folder, tmp_path):
    write_images(tmp_path, "0.png", "1.png", "2.png")
    path = tmp_path / "list.csv"
    path.write_text("path,label\n0.png,dark\n1.png,dark\n2.png,bright\n")
    evaluation = training.evaluate(folder, data=path)
    assert (evaluation.count, evaluation.split) == (3, "all")
    assert np.sum(evaluation.confusion, axis=1).tolist() == [1, 2]
    path.write_text("path,label,split\n0.png,dark,val\n1.png,dark,test\n")
    assert training.evaluate(folder, data=path).count == 1


def test_arrays_and_data_sets_are_tested_on(folder):
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), "uint8")
    labels = np.array([0, 1, 1, 1, 0, 1])
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
    expected = np.sum(training.evaluate(folder, data=(images, labels)).confusion)
    assert expected == 6
    names = np.array(["bright", "dark", "night"])[labels + (labels == 0) * 2]
    evaluation = training.evaluate(folder, data=(images, names))
    assert evaluation.unknown == {"night": 2} and evaluation.count == 4
    evaluation = training.evaluate(folder, data={"test": dataset})
    assert (evaluation.count, evaluation.split) == (6, "test")
    with pytest.raises(ValueError, match="bright, dark.*Received: emu in images given"):
        training.evaluate(folder, data=(images, ["emu"] * 6))


def test_a_data_set_of_tensorflow_datasets_is_tested_on(tmp_path):
    settings = ["network.name=tiny", "network.weights=null", "data.name=absent"]
    recipe = load_recipe("demo", settings)
    labels = load("fashion_mnist_sample", preprocessing_of(recipe)).labels
    folder, _ = untrained(recipe, labels[::-1], tmp_path / "a")
    table = tmp_path / "predictions.csv"
    evaluation = training.evaluate(
        folder, 256, data="fashion_mnist_sample", predictions=table
    )
    assert (evaluation.count, evaluation.split) == (2000, "test")
    assert 0 < evaluation.accuracy < evaluation.top5_accuracy < 1
    rows = lines(table)
    assert [row["image"] for row in rows] == [str(i) for i in range(2000)]
    right = [row["predicted"] == row["label"] for row in rows]
    assert np.mean(right) == evaluation.accuracy
    truth = load("fashion_mnist_sample", folder.preprocessing).test.images
    assert [row["label"] for row in rows] == [labels[int(y)] for _, y in truth]


def test_the_calibration_curve_and_the_least_sure_and_wrong_images_are_kept():
    truth = np.array([0, 0, 1, 1, UNKNOWN])
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.45, 0.55], [0.8, 0.2], [1, 0]])
    names, labels = list("abcde"), ["x", "x", "y", "y", "other"]
    tested = PredictedImages(names, labels, truth, probabilities, np.zeros(5))
    wrong = most_sure_and_wrong(tested, ("x", "y"))
    assert wrong[0] == PredictedImage("d", "y", "x", 0.8)
    assert [one.name for one in wrong] == ["d", "b"]
    assert [one.name for one in least_sure(tested, ("x", "y"), 2)] == ["c", "b"]
    low, high = calibration_bins(truth[:4], probabilities[:4], bins=4)[-2:]
    assert (low.images, low.probability, low.accuracy) == (2, 0.625, 0.5)
    assert (high.images, high.probability, high.accuracy) == (
        2,
        pytest.approx(0.85),
        0.5,
    )


def test_evaluations_are_saved_with_these_images(folder):
    evaluation = training.evaluate(folder)
    saved = json.loads((folder.path / "evaluation.json").read_text())
    assert sum(one["images"] for one in saved["calibration"]) == evaluation.count
    assert len(saved["least_sure"]) == evaluation.count
    wrong = round(evaluation.count * (1 - evaluation.accuracy))
    assert len(saved["wrong"]) == wrong
    assert all(one["label"] != one["predicted"] for one in saved["wrong"])


def test_names_of_files_that_are_not_utf_8_are_written(folder, tmp_path):
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    write_images(tmp_path / "photos", f"dark/{name}", "bright/1.png")
    table = tmp_path / "predictions.csv"
    evaluation = training.evaluate(folder, data=tmp_path / "photos", predictions=table)
    assert evaluation.count == 2
    assert b"caf\xe9.png" in table.read_bytes()
    evaluation.to_json().encode("utf-8")


def test_folders_beside_the_splits_are_counted(folder, tmp_path):
    write_images(tmp_path, "test/dark/0.png", "test/bright/1.png", "dark/2.png")
    evaluation = training.evaluate(folder, data=tmp_path)
    assert evaluation.count == 2
    assert evaluation.notes == ("left out: 1 in folders beside the splits",)


def test_an_error_of_tensorflow_is_not_hidden(folder, monkeypatch):
    def fail(*args):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM")

    monkeypatch.setattr("keras_resattn.training.evaluation.predict_images", fail)
    images = np.full((4, 16, 16, 3), 9, "uint8")
    with pytest.raises(tf.errors.ResourceExhaustedError, match="OOM"):
        training.evaluate(folder, data=(images, [0, 1, 0, 1]))


def test_a_folder_is_not_taken_for_the_data_set_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cifar10").mkdir()
    data_set, folder = Data(name="cifar10"), Data(name="./cifar10")
    assert is_of_recipe("cifar10", data_set)
    assert not is_of_recipe("./cifar10", data_set)
    assert not is_of_recipe("cifar10", folder)
    assert is_of_recipe(tmp_path / "cifar10", folder)


def test_images_that_were_added_after_the_training_are_told(folder, tmp_path):
    run = shutil.copytree(folder.path, tmp_path / "run")
    stored = {"test images": "9", "changes": {"2": {"test images": "8"}}}
    (run / "environment.json").write_text(json.dumps(stored))
    assert training.evaluate(ModelFolder.open(run)).notes[-1] == (
        "There were 8 test images when the model was trained, and there are 4 now. "
        "The model can have been trained on some of them."
    )
    stored = {"test images": "4"}
    (run / "environment.json").write_text(json.dumps(stored))
    assert "when the model was trained" not in str(
        training.evaluate(ModelFolder.open(run)).notes
    )


def test_results_are_returned_where_nothing_can_be_written(folder, tmp_path):
    run = shutil.copytree(folder.path, tmp_path / "run")
    (run / "evaluation.json").unlink(missing_ok=True)
    (run / "evaluation.json").mkdir()  # as a folder it cannot be replaced
    evaluation = training.evaluate(ModelFolder.open(run))
    assert evaluation.count == 4
    assert "are not written into the model folder" in evaluation.notes[-1]
