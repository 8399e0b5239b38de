"""Models by their folder and by the name of weights."""

import json
import shutil
from pathlib import Path

import pytest

import keras_resattn
from keras_resattn.model_source import load_model
from tests.model_source.comparing import same
from tests.small_weights import publish


def test_weights_are_found_by_name(source, pictures, monkeypatch, tmp_path):
    publish(source, tmp_path / "table", monkeypatch)
    same(load_model("photos"), source, pictures)
    same(load_model("tiny:photos"), source, pictures)
    assert load_model("photos").path.name == "tiny-photos"
    assert (load_model("photos").path / "metrics.csv").is_file()


def test_the_weights_of_the_package_are_in_reach():
    model = keras_resattn.load_model("fashion_mnist_sample")
    assert model.labels[9] == "Ankle boot"
    boot = model.predict(Path(__file__).parents[2] / "docs" / "ankle_boot.png")
    assert model.labels[boot[0].argmax()] == "Ankle boot"


def test_an_absent_path_lists_the_names(source, monkeypatch, tmp_path):
    publish(source, tmp_path / "table", monkeypatch)
    with pytest.raises(
        FileNotFoundError,
        match="no such model folder, .keras file.*tiny:photos.*Received: runs/x",
    ):
        load_model("runs/x")
    with pytest.raises(ValueError, match="no such network.*Received: network='vast'"):
        load_model("vast:photos")


def test_a_name_of_two_networks_is_an_error(source, monkeypatch, tmp_path):
    publish(source, tmp_path / "table", monkeypatch)
    path = tmp_path / "table" / "table.json"
    [entry] = json.loads(path.read_text())
    path.write_text(json.dumps([entry, {**entry, "network": "cifar_attention56"}]))
    with pytest.raises(
        FileNotFoundError, match="Several.*tiny:photos, cifar_attention"
    ):
        load_model("photos")


def test_a_model_folder_wins_over_a_name_and_this_is_said(
    source, pictures, monkeypatch, tmp_path
):
    publish(source, tmp_path / "table", monkeypatch)
    shutil.copytree(source.path, "photos")
    with pytest.warns(UserWarning, match="write tiny:photos.*the folder photos"):
        assert load_model("photos").path.resolve() == tmp_path / "photos"
    shutil.rmtree("photos")
    (tmp_path / "photos").mkdir()
    with pytest.warns(UserWarning, match="not a model folder, so the weights tiny:ph"):
        same(load_model("photos"), source, pictures)
    with pytest.raises(FileNotFoundError, match="It lacks model.keras"):
        load_model("./photos")


def test_a_cache_that_cannot_be_written_is_named(source, monkeypatch, tmp_path):
    publish(source, tmp_path / "table", monkeypatch)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="Set KERAS_HOME to a folder.*Received: KERAS_H"):
        load_model("photos")
