"""The weights in the package's table: every file is whole and does what is said."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import keras_resattn
from keras_resattn import cifar
from keras_resattn import data
from keras_resattn.recipes.files import load_recipe
from keras_resattn.recipes.settings import Data
from keras_resattn.weights import table
from keras_resattn.weights.address import is_address
from tests.weights.test_pretrained import logits

ENTRIES = [
    pytest.param(info, id=f"{info.network}-{info.name}") for info in table.read_table()
]
BUNDLED = "fashion_mnist_sample"
DATA_DIR = os.environ.get("KERAS_RESATTN_DATA_DIR", "~/tensorflow_datasets")

published = pytest.mark.parametrize("info", ENTRIES)


def network(info, **arguments):
    return keras_resattn.create_model(
        info.network,
        weights=info.name,
        input_shape=info.input_shape,
        classes=info.classes,
        **info.arguments,
        **arguments,
    )


@published
def test_facts_are_whole(info):
    folder = table.FOLDER / info.folder
    recipe = load_recipe(folder / "recipe.yaml")
    assert (recipe.network.name, recipe.data.name) == (info.network, info.data)
    assert recipe.network.input_shape == info.input_shape
    assert np.array_equal(recipe.preprocessing.mean, info.mean)
    assert np.array_equal(recipe.preprocessing.std, info.std)
    assert len(info.labels) == info.classes
    assert info.licence and (folder / "LICENSE").read_text()
    epochs = (folder / "metrics.csv").read_text().splitlines()[1:]
    assert len(epochs) == recipe.train.epochs
    assert 1 / info.classes < info.accuracy <= 1 and info.test_images > 0
    results = json.loads((folder / "evaluation.json").read_text("utf-8"))
    assert results["accuracy"] == info.accuracy
    assert results["count"] == info.test_images
    assert 1 / info.classes < results["usual_confidence"] < info.accuracy
    if info.data == "cifar10":
        assert np.array_equal((info.mean, info.std), (cifar.MEAN, cifar.STD))
        assert info.labels == cifar.LABELS
        assert info.test_images == 10_000


def test_there_are_weights():
    assert ENTRIES


@pytest.mark.parametrize(
    "info", [entry for entry in ENTRIES if not is_address(entry.values[0].file)]
)
def test_the_file_gives_the_logits_that_were_noted(info):
    assert (table.FOLDER / info.file).stat().st_size == info.size
    model = network(info, classifier_activation=None)
    scale = np.abs(info.logits).max()
    np.testing.assert_allclose(logits(model, info), info.logits, atol=1e-4 * scale)


@pytest.mark.one_backend
@pytest.mark.parametrize("info", [i for i in table.read_table() if i.data == BUNDLED])
def test_the_bundled_images_give_the_accuracy_that_is_stated(info):
    check_accuracy(info, data_dir=None)


@pytest.mark.needs_cifar10
@pytest.mark.one_backend
@pytest.mark.parametrize("info", [i for i in table.read_table() if i.data != BUNDLED])
def test_the_whole_test_set_gives_the_accuracy_that_is_stated(info):
    check_accuracy(info, str(Path(DATA_DIR).expanduser()))


def check_accuracy(info, data_dir):
    preprocessing = data.Preprocessing(info.input_shape, info.mean, info.std)
    loaded = data.load(Data(name=info.data, data_dir=data_dir), preprocessing)
    assert info.labels == tuple(loaded.labels)
    batches = data.evaluation_batches(loaded.test, preprocessing, 100)
    predicted = network(info).predict(batches, verbose=0).argmax(axis=-1)
    truth = np.concatenate([labels for _, labels in batches])
    assert len(truth) == info.test_images
    # A few images may fall otherwise on other hardware.
    right = (predicted == truth).sum()
    assert right == pytest.approx(info.accuracy * info.test_images, abs=5)
