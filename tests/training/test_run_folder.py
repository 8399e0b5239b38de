"""The folder of a run: nothing in it is lost, and nothing else is taken for it."""

import csv
import os
import shutil

import keras
import pytest

from keras_resattn import training
from keras_resattn.training.distribution import facts_of
from keras_resattn.training.run import Run
from tests.training.recipes import changed


class Stop(keras.callbacks.Callback):
    """Press Ctrl-C at the start of the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def stopped(small_recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "stopped"
    with pytest.raises(KeyboardInterrupt):
        training.fit(small_recipe, out, callbacks=[Stop()])
    return out.with_name("stopped.partial")


@pytest.fixture
def partial(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "run.partial")


def columns(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_is_known_by_the_name_that_a_shell_completes(partial):
    folder = training.fit(None, partial, resume=True)
    assert folder.path == partial.with_name("run")
    assert not partial.exists()
    # The progress bar of the second epoch adds columns that the first had not.
    first, second = columns(folder.path / "metrics.csv")
    assert first.keys() == second.keys()
    assert (first["epoch"], second["epoch"]) == ("1", "2")
    assert 0 <= float(second["val_accuracy"]) <= 1


def test_another_process_must_not_train_the_same_run(small_recipe, partial):
    run = Run(partial.with_name("run"))
    files = sorted(path.name for path in partial.iterdir())
    with run.held():
        with pytest.raises(FileExistsError, match="Another process.*Received: "):
            training.fit(None, run.out, resume=True, callbacks=[])
        with pytest.raises(FileExistsError, match="Another process.*Received: "):
            training.fit(small_recipe, run.out, overwrite=True, callbacks=[])
    assert files == sorted(path.name for path in partial.iterdir())


def test_a_run_that_another_process_finished_is_left_to_it(partial):
    run = Run(partial)
    run.recipe_to_resume()
    partial.rename(run.out)
    with pytest.raises(FileExistsError, match="finished.*in the meantime.*Received: "):
        with run.held():
            pass
    assert (run.out / "model.keras").is_file()
    assert not partial.exists()


def test_a_run_that_was_killed_at_its_start_does_not_stand_in_the_way(tmp_path):
    run = Run(tmp_path / "run")
    run.partial.mkdir()
    (run.partial / f".{os.getpid()}.recipe.yaml").write_text("half a rec")
    run.check_free(overwrite=False)


@pytest.mark.parametrize("method", ["check", "callbacks"])
def test_a_tracker_that_is_absent_leaves_nothing(small_recipe, tmp_path, method):
    class Absent:
        def check(self):
            self.fail("check")

        def callbacks(self, *arguments):
            self.fail("callbacks")

        def fail(self, at):
            if at == method:
                raise ImportError("not installed")

    with pytest.raises(ImportError, match="not installed"):
        training.fit(small_recipe, tmp_path / "run", watch=Absent())
    assert not list(tmp_path.iterdir())


def test_a_run_in_the_folder_of_its_images_is_refused(
    small_recipe, photos, tmp_path, monkeypatch
):
    shutil.copytree(photos, tmp_path / "photos")
    monkeypatch.chdir(tmp_path / "photos")
    recipe = changed(small_recipe, {"data.name": ".", "train.epochs": 1})
    for out in ("runs/one", "dark/run"):
        with pytest.raises(ValueError, match=f"taken for a class.*Received: {out} in"):
            training.fit(recipe, out, callbacks=[])
    assert not (tmp_path / "photos" / "runs").exists()
    training.fit(recipe, ".runs/one", callbacks=[])


def test_what_came_to_be_there_meanwhile_is_not_replaced(partial):
    out = partial.with_name("run")
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is not a run.*Received: "):
        training.fit(None, out, resume=True, callbacks=[])
    assert (out / "notes.txt").is_file()
    assert (partial / "checkpoint.h5").is_file()


def test_a_setting_that_one_recipe_lacks_is_named(small_recipe, partial):
    other = changed(small_recipe, {"network.arguments": {"dropout": 0.5}})
    with pytest.raises(ValueError, match="arguments.*Received: network.arguments"):
        training.fit(other, partial, resume=True, callbacks=[])


def test_normalization_goes_on_as_it_began():
    begun = facts_of(None, sync_batch_norm=True)
    assert facts_of(None, sync_batch_norm=False, begun=begun)["sync_batch_norm"]
    begun = facts_of(None, sync_batch_norm=False)
    with pytest.raises(ValueError, match="Received: sync_batch_norm=True"):
        facts_of(None, sync_batch_norm=True, begun=begun)


def test_another_number_of_devices_is_told_of(capsys):
    facts_of(None, False, begun={"replicas": 2, "sync_batch_norm": 0})
    assert "had 2 devices and continues with 1" in capsys.readouterr().out


def test_the_learning_rate_is_that_of_the_batch_that_there_is(
    small_recipe, tmp_path, capsys
):
    settings = {"train.batch_size": 256, "train.base_batch_size": 36, "train.epochs": 1}
    training.fit(changed(small_recipe, settings), tmp_path / "run")
    assert "learning rate 0.02 = 0.02 x 36 / 36" in capsys.readouterr().out


def test_an_average_that_forgets_at_once_is_no_average(small_recipe):
    with pytest.raises(ValueError, match="ema_momentum"):
        changed(small_recipe, {"train.ema_momentum": 0.0})


def test_a_link_to_a_folder_is_followed(small_recipe, tmp_path):
    (tmp_path / "big").mkdir()
    link = tmp_path / "run"
    link.symlink_to(tmp_path / "big", target_is_directory=True)
    folder = training.fit(small_recipe, link, callbacks=[])
    assert folder.path == tmp_path / "big"
    assert (link / "model.keras").is_file()


@pytest.mark.parametrize("name", [".", "..", "../run"])
def test_the_current_folder_is_not_replaced(small_recipe, tmp_path, monkeypatch, name):
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    with pytest.raises(FileExistsError, match="another.*folder.*Received: "):
        training.fit(small_recipe, name, callbacks=[])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_folders_of_other_programs_do_not_stop_a_resumed_run(partial):
    (partial / ".ipynb_checkpoints").mkdir()
    (partial / f".{os.getpid()}.recipe.yaml").write_text("half a rec")
    folder = training.fit(None, partial, resume=True, callbacks=[])
    assert not list(folder.path.glob(".*.yaml"))


def test_arguments_of_other_types_are_errors(small_recipe, tmp_path):
    with pytest.raises(TypeError, match="Load the recipe first.*recipe='demo'"):
        training.fit("demo", tmp_path / "run")
    with pytest.raises(TypeError, match="callbacks as a list.*EarlyStopping"):
        callbacks = keras.callbacks.EarlyStopping()
        training.fit(small_recipe, tmp_path / "run", callbacks=callbacks)
    with pytest.raises(TypeError, match="Open the model first.*Received: folder='x'"):
        training.evaluate("x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "files",
    [
        [".git/config"],
        [".venv/bin/python"],
        ["recipe.yaml", "images/cat/1.jpg"],
        ["photos/cat/1.jpg"],
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_no_run_wrote_stay(small_recipe, tmp_path, files, overwrite):
    paths = [tmp_path / "out" / name for name in files]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    with pytest.raises(FileExistsError, match="is not a run.*choose another folder"):
        training.fit(small_recipe, tmp_path / "out", overwrite, callbacks=[])
    assert [path.read_text() for path in paths] == ["mine"] * len(paths)


def test_leftovers_of_a_killed_process_are_no_files(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".123.recipe.yaml").touch()
    (tmp_path / "out" / ".DS_Store").touch()
    Run(tmp_path / "out").check_free(overwrite=False)


def test_a_mounted_folder_is_refused_before_the_training(small_recipe):
    with pytest.raises(FileExistsError, match="a mounted folder.*such as /proc/run"):
        training.fit(small_recipe, "/proc", overwrite=True, callbacks=[])
