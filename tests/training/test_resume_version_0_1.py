"""Runs that version 0.1 began on a folder keep the images that they began with."""

import shutil

import pytest
import yaml

from keras_resattn import training
from keras_resattn.data.version_0_1 import divide_as_version_0_1
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import ModelFolder
from tests.training.recipes import changed
from tests.training.test_resume import StopAt
from tests.training.test_resume import check_same


@pytest.fixture
def nested(small_recipe, photos, tmp_path):
    """Return a recipe of a folder with images that version 0.1 did not find."""
    root = tmp_path / "photos"
    shutil.copytree(photos, root)
    shutil.copytree(photos / "dark", root / "dark" / "more")
    return changed(small_recipe, {"data.name": str(root), "data.validation": 0.1})


def forget_the_rule(folder):
    """Remove the setting that version 0.1 did not have from a saved recipe."""
    recipe = yaml.safe_load((folder / RECIPE).read_text())
    del recipe["data"]["validation"]
    (folder / RECIPE).write_text(yaml.safe_dump(recipe, sort_keys=False))


@pytest.mark.parametrize("gives_recipe", [False, True])
def test_a_half_finished_run_resumes_with_its_images(nested, tmp_path, gives_recipe):
    before = changed(nested, {"data.validation": "version_0.1"})
    whole = training.fit(before, tmp_path / "whole", callbacks=[])
    with pytest.raises(KeyboardInterrupt):
        training.fit(before, tmp_path / "run", callbacks=[StopAt(1)])
    forget_the_rule(tmp_path / "run.partial")
    recipe = nested if gives_recipe else None
    run = training.fit(recipe, tmp_path / "run", resume=True, callbacks=[])
    check_same(run, whole)


def test_a_finished_run_is_tested_on_its_held_out_images(nested, tmp_path):
    before = changed(nested, {"data.validation": "version_0.1", "train.epochs": 1})
    folder = training.fit(before, tmp_path / "run", callbacks=[])
    forget_the_rule(folder.path)
    data = ModelFolder.open(folder.path).labelled_images()
    root = tmp_path / "photos"
    assert data.test.paths == tuple(path for path, _ in divide_as_version_0_1(root)[3])
    assert data.test.count == 4
