"""Trainings on arrays and on `tf.data.Dataset`s."""

import numpy as np
import pytest
import tensorflow as tf

from keras_resattn import training
from keras_resattn.model_folder import ModelFolder
from tests.training.recipes import changed
from tests.training.test_resume import StopAt
from tests.training.test_resume import check_same

RNG = np.random.default_rng(0)
LABELS = np.arange(40) % 2
IMAGES = RNG.integers(0, 128, (40, 16, 16, 3)).astype("uint8") + np.uint8(100) * (
    LABELS[:, None, None, None].astype("uint8")
)
DATA = {"train": (IMAGES, LABELS), "labels": ["dark", "bright"]}


def interrupt(recipe, out, data):
    with pytest.raises(KeyboardInterrupt):
        training.fit(recipe, out, callbacks=[StopAt(1)], data=data)


@pytest.mark.parametrize(
    "data",
    [
        DATA,
        {
            kind: tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(9)
            for kind in ("train", "validation")
        },
    ],
    ids=["arrays", "data set"],
)
def test_a_run_on_given_images_is_resumed_exactly_with_them(
    small_recipe, tmp_path, data
):
    whole = training.fit(small_recipe, tmp_path / "a", callbacks=[], data=data)
    interrupt(small_recipe, tmp_path / "b", data)
    with pytest.raises(ValueError, match=r"given in Python.*data=\.\.\."):
        training.fit(None, tmp_path / "b", resume=True, callbacks=[])
    resumed = training.fit(None, tmp_path / "b", resume=True, callbacks=[], data=data)
    check_same(whole, resumed)
    interrupt(small_recipe, tmp_path / "c", data)
    check_same(
        whole,
        training.fit(
            small_recipe, tmp_path / "c", resume=True, callbacks=[], data=data
        ),
    )


def test_a_run_is_not_resumed_with_other_images(small_recipe, tmp_path):
    interrupt(small_recipe, tmp_path / "a", DATA)
    other = DATA | {"labels": ["bright", "dark"]}
    with pytest.raises(ValueError, match="other classes.*'bright', 'dark'"):
        training.fit(None, tmp_path / "a", resume=True, callbacks=[], data=other)
    interrupt(small_recipe, tmp_path / "b", None)
    with pytest.raises(ValueError, match="resume it without `data`"):
        training.fit(None, tmp_path / "b", resume=True, callbacks=[], data=DATA)


def test_the_model_folder_works_without_the_images(small_recipe, tmp_path):
    recipe = changed(small_recipe, {"train.epochs": 4, "data.data_dir": "/somewhere"})
    path = training.fit(recipe, tmp_path / "a", callbacks=[], data=DATA).path
    folder = ModelFolder.open(path)
    assert folder.labels == ("dark", "bright")
    (tmp_path / "0.png").write_bytes(tf.io.encode_png(IMAGES[1]).numpy())
    assert folder.predict([tmp_path / "0.png"]).shape == (1, 2)
    with pytest.raises(ValueError, match="given in Python.*give a folder, a CSV file"):
        folder.labelled_images()
    card = (path / "card.md").read_text()
    assert "Trained and tested on images given in Python." in card
    assert "datasets:" not in card and "/somewhere" not in card
    assert str(tmp_path) not in card
