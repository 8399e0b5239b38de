import csv
import io
import json
import os
import random
import re
import shutil

import keras
import numpy as np
import pytest
from rich.console import Console

from keras_resattn import training
from keras_resattn.model_folder import ModelFolder
from tests.training.recipes import changed


def test_a_run_leaves_a_model_folder(model_folder, small_recipe):
    names = sorted(path.name for path in model_folder.path.iterdir())
    assert names == [
        "card.md",
        "environment.json",
        "labels.txt",
        "metrics.csv",
        "model.keras",
        "recipe.yaml",
    ]
    assert model_folder.labels == ("bright", "dark")
    assert model_folder.recipe == small_recipe
    with (model_folder.path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(rows[0])


def test_no_partial_run_is_left(model_folder):
    assert [path.name for path in model_folder.path.parent.iterdir()] == ["small"]


def test_the_same_seed_gives_the_same_weights(model_folder, small_recipe, tmp_path):
    again = training.fit(small_recipe, tmp_path / "again", callbacks=[])
    for one, other in zip(
        model_folder.model.get_weights(), again.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_earlier_run_is_kept_unless_it_is_to_be_replaced(
    model_folder, small_recipe, tmp_path
):
    out = tmp_path / "run"
    shutil.copytree(model_folder.path, out)
    with pytest.raises(FileExistsError, match=f"--overwrite.*Received: {out}"):
        training.fit(small_recipe, out, callbacks=[])
    shorter = changed(small_recipe, {"train.epochs": 1})
    training.fit(shorter, out, overwrite=True, callbacks=[])
    assert ModelFolder.open(out).recipe.train.epochs == 1


def test_a_folder_that_holds_no_run_is_never_replaced(small_recipe, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="is not a run.*Received"):
        training.fit(small_recipe, tmp_path, overwrite=True, callbacks=[])
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_stopped_run_leaves_the_last_whole_epoch(small_recipe, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.fit(small_recipe, tmp_path / "run", callbacks=[Stop()])
    assert not (tmp_path / "run").exists()
    folder = ModelFolder.open(tmp_path / "run.partial")
    assert folder.model.output_shape == (None, 2)


def test_an_unreadable_image_is_named_and_no_run_is_left(
    photos, small_recipe, tmp_path
):
    shutil.copytree(photos, tmp_path / "photos")
    bad = tmp_path / "photos" / "dark" / "05.png"
    bad.write_bytes(bad.read_bytes()[:60])
    recipe = changed(small_recipe, {"data.name": str(bad.parents[1])})
    with pytest.raises(ValueError, match=f"{bad} is cut off"):
        training.fit(recipe, tmp_path / "run", callbacks=[])
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize("name", ["05.png", os.fsdecode(b"caf\xe9.png")])
def test_an_unreadable_image_may_be_left_out(
    photos, small_recipe, tmp_path, capsys, name
):
    shutil.copytree(photos, tmp_path / "photos")
    good = tmp_path / "photos" / "dark" / "05.png"
    bad = good.rename(good.with_name(name))
    bad.write_bytes(bad.read_bytes()[:60])
    settings = {
        "data.name": str(tmp_path / "photos"),
        "data.on_error": "skip",
        "network.input_shape": (8, 8, 3),
        "augmentation.crop_padding": 1,
        "train.epochs": 1,
    }
    recipe = changed(small_recipe, settings)
    folder = training.fit(recipe, tmp_path / "run", callbacks=[])
    assert (folder.path / "skipped.txt").read_bytes() == os.fsencode(bad) + b"\n"
    shown = os.fsencode(bad).decode("utf-8", "replace")
    line = (
        f"Left out 1 unreadable image (1 cut off), such as {shown}. skipped.txt lists "
        "all of them."
    )
    assert line in capsys.readouterr().out.splitlines()
    card = (folder.path / "card.md").read_text("utf-8")
    assert f"unreadable files: {shown.rpartition('/')[2]}." in card


def test_progress_tells_epochs_metrics_and_speed(small_recipe, tmp_path):
    output = io.StringIO()
    progress = training.Progress(12, Console(file=output, width=120))
    training.fit(small_recipe, tmp_path / "run", callbacks=[progress])
    lines = [line for line in output.getvalue().splitlines() if line.strip()]
    assert [line[:9] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    metric = r"accuracy [01]\.\d{3}/[01]\.\d{3}  loss \d+\.\d{3}/\d+\.\d{3}"
    assert all(re.search(metric, line) for line in lines)
    assert all(line.rstrip().endswith("img/s") for line in lines)


def test_evaluation_counts_every_test_image(model_folder, tmp_path):
    shutil.copytree(model_folder.path, tmp_path / "run")
    folder = ModelFolder.open(tmp_path / "run")
    evaluation = training.evaluate(folder)
    confusion = np.array(evaluation.confusion)
    assert evaluation.count == confusion.sum() == 4
    assert confusion.sum(axis=1).tolist() == [2, 2]
    assert evaluation.accuracy == np.trace(confusion) / 4
    saved = json.loads((folder.path / "evaluation.json").read_text())
    assert saved["accuracy"] == evaluation.accuracy


def test_evaluation_agrees_with_predictions_of_the_files(model_folder, tmp_path):
    from keras_resattn.data import load

    shutil.copytree(model_folder.path, tmp_path / "run")
    folder = ModelFolder.open(tmp_path / "run")
    evaluation = training.evaluate(folder)
    test = load(folder.recipe.data.name, folder.preprocessing).test
    predicted = folder.predict(test.paths).argmax(axis=1)
    truth = [int(label) for _, label in test.images]
    assert evaluation.accuracy == np.mean(predicted == truth)


class AtTheStart(keras.callbacks.Callback):
    """Keep the weights that a training begins with."""

    def on_train_begin(self, logs=None):
        self.weights = self.model.get_weights()


def test_the_first_weights_follow_from_the_recipe_alone(
    small_recipe, tmp_path, monkeypatch
):
    from keras_resattn.training import job

    once, starts = changed(small_recipe, {"train.epochs": 1}), []

    def load_after_drawing(*arguments):
        # As the first import of a module may.
        for _ in range(1 + 3 * len(starts)):
            random.random()
            np.random.random()
        return load(*arguments)

    load = job.load
    monkeypatch.setattr(job, "load", load_after_drawing)
    folders = []
    for name in ("first", "second"):
        starts.append(AtTheStart())
        folders.append(training.fit(once, tmp_path / name, callbacks=[starts[-1]]))
    for one, other in zip(starts[0].weights, starts[1].weights, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(*(f.model.get_weights() for f in folders), strict=True):
        np.testing.assert_array_equal(one, other)
