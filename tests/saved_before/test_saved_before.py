"""What version 0.1.0 saved still loads and resumes; make.py beside this wrote it."""

import csv
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import training
from keras_resattn import zoo
from keras_resattn.model_folder import ModelFolder
from tests.saved_before.make import NETWORKS
from tests.saved_before.make import images
from tests.training.tiny_command import add_tiny_network

SAVED = Path(__file__).parent


@pytest.fixture
def tiny_network_of_before(monkeypatch):
    monkeypatch.setattr(zoo, "NETWORKS", dict(zoo.NETWORKS))
    add_tiny_network()


def weights_of_the_run():
    with np.load(SAVED / "run.npz") as arrays:
        return list(arrays.values())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_saved_network_loads_and_computes_the_same(name):
    model = keras.models.load_model(SAVED / f"{name}.keras")
    with np.load(SAVED / "outputs.npz") as expected:
        outputs = {name: model.predict(images(), verbose=0)}
        masks = keras_resattn.attention_masks(model).predict(images(), verbose=0)
        outputs |= {f"{name}_{part}": mask for part, mask in masks.items()}
        for part, output in outputs.items():
            np.testing.assert_allclose(output, expected[part], atol=1e-5)


def test_a_saved_optimizer_loads():
    model = keras.models.load_model(SAVED / "pre_activation.keras")
    assert type(model.optimizer).__name__ == "CoupledSGD"
    assert model.optimizer.coupled_weight_decay == 1e-4


def test_a_model_folder_opens():
    folder = ModelFolder.open(SAVED / "run")
    assert len(folder.labels) == 10
    for weight, expected in zip(
        folder.model.get_weights(), weights_of_the_run(), strict=True
    ):
        np.testing.assert_array_equal(weight, expected)


@pytest.mark.one_backend
def test_a_half_finished_run_resumes(tiny_network_of_before, tmp_path):
    shutil.copytree(SAVED / "half", tmp_path / "run.partial")
    folder = training.fit(None, tmp_path / "run", resume=True, callbacks=[])
    rows = list(csv.DictReader((folder.path / "metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]  # version 0.1.0: from 0
    for weight, expected in zip(
        folder.model.get_weights(), weights_of_the_run(), strict=True
    ):
        # Other processors round otherwise.
        np.testing.assert_allclose(weight, expected, atol=1e-2)
