"""A run may be resumed on another machine; its card states what changed."""

import json
import shutil

import keras
import numpy as np
import pytest

from keras_resattn import training
from keras_resattn.model_folder import ModelFolder
from keras_resattn.training.environment import add_changes
from keras_resattn.training.environment import describe_changes
from tests.training.recipes import changed


class Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def stopped(small_recipe, tmp_path_factory):
    """The folder of a run in bfloat16 that was interrupted after an epoch."""
    out = tmp_path_factory.mktemp("runs") / "stopped"
    recipe = changed(small_recipe, {"precision": "mixed_bfloat16"})
    with pytest.raises(KeyboardInterrupt):
        training.fit(recipe, out, callbacks=[Stop()])
    return out.with_name("stopped.partial")


@pytest.fixture
def partial(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "run.partial")


def test_a_run_goes_on_in_another_precision_and_says_so(partial, capsys):
    out = partial.with_name("run")
    settings = ["precision=float32", "jit=false"]
    folder = training.fit(None, out, resume=True, callbacks=[], settings=settings)
    printed = "Changed from epoch 2 on: precision float32, jit False."
    assert printed in capsys.readouterr().out.splitlines()
    assert folder.recipe.precision == "float32"
    assert folder.recipe.jit is False
    environment = json.loads((folder.path / "environment.json").read_text())
    assert environment["changes"] == {"2": {"jit": "False", "precision": "float32"}}
    card = (folder.path / "card.md").read_text()
    assert "| from epoch 2 | precision float32, jit False |" in card
    assert folder.model.dtype_policy.name == "float32"
    assert all(np.isfinite(w).all() for w in folder.model.get_weights())


@pytest.mark.slow
@pytest.mark.parametrize(
    "before, after", [("float32", "float16"), ("float16", "float32")]
)
def test_a_loss_scale_comes_and_goes(small_recipe, tmp_path, before, after):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        recipe = changed(small_recipe, {"precision": before})
        training.fit(recipe, out, callbacks=[Stop()])
    settings = [f"precision={after}"]
    folder = training.fit(None, out, resume=True, callbacks=[], settings=settings)
    assert all(np.isfinite(w).all() for w in folder.model.get_weights())


def test_a_recipe_may_differ_in_the_machine_alone(partial, small_recipe, tmp_path):
    out = partial.with_name("run")
    other = changed(small_recipe, {"data.data_dir": str(tmp_path), "seed": 3})
    with pytest.raises(ValueError, match="seed=0.*Received: seed=3"):
        training.fit(other, out, resume=True, callbacks=[])
    moved = changed(small_recipe, {"data.data_dir": str(tmp_path)})
    folder = training.fit(moved, out, resume=True, callbacks=[])
    card = (folder.path / "card.md").read_text()
    assert "| from epoch 2 | data.data_dir changed, precision float32 |" in card
    assert str(tmp_path) not in card
    assert folder.recipe.data.data_dir == str(tmp_path)


def test_other_settings_cannot_be_changed(partial):
    out = partial.with_name("run")
    with pytest.raises(ValueError, match="train.epochs=2.*Received: train.epochs=9"):
        training.fit(None, out, resume=True, callbacks=[], settings=["train.epochs=9"])
    assert (partial / "checkpoint.h5").is_file()


def test_another_processor_is_recorded(partial):
    path = partial / "environment.json"
    environment = json.loads(path.read_text())
    path.write_text(json.dumps(environment | {"processor": "an older one"}))
    training.fit(None, partial.with_name("run"), resume=True, callbacks=[])
    card = (partial.with_name("run") / "card.md").read_text()
    assert "| processor | an older one |" in card
    assert f"| from epoch 2 | processor {environment['processor']} |" in card


def test_changes_are_kept_by_epoch():
    start = {"processor": "a", "Keras": "3"}
    once = add_changes(start, 5, {"processor": "b", "Keras": "3", "GPUs": "1"}, {})
    assert once == {**start, "changes": {"5": {"processor": "b"}}}
    # Nothing changed since.
    assert add_changes(once, 8, {"processor": "b", "Keras": "3"}, {}) == once
    back = add_changes(once, 8, {"processor": "a", "Keras": "3"}, {"jit": "True"})
    assert back["changes"]["8"] == {"jit": "True", "processor": "a"}
    # Epoch 5 is repeated on the first processor.
    assert add_changes(back, 5, start, {}) == start
    assert describe_changes(back) == {
        **start,
        "from epoch 5": "processor b",
        "from epoch 8": "jit True, processor a",
    }


def test_a_finished_run_names_the_way_to_train_further(
    model_folder, small_recipe, tmp_path
):
    out = shutil.copytree(model_folder.path, tmp_path / "run")
    longer = changed(small_recipe, {"train.epochs": 9})
    message = f"keras-resattn train {out} --extend EPOCHS --out FOLDER.*Received: "
    with pytest.raises(ValueError, match=message):
        training.fit(longer, out, resume=True, callbacks=[])
    assert ModelFolder.open(out).recipe == small_recipe
