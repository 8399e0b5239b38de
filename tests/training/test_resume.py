"""A run goes on, after whatever ended it, as if nothing had."""

import csv
import resource
import shutil

import h5py
import keras
import numpy as np
import pytest

from keras_resattn import training
from keras_resattn.model_folder import ModelFolder
from tests.training.recipes import changed


class StopAt(keras.callbacks.Callback):
    """Press Ctrl-C in a step of an epoch."""

    def __init__(self, epoch, step=0):
        super().__init__()
        self.stop = (epoch, step)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.stop:
            raise KeyboardInterrupt


def check_same(folder, other):
    for one, two in zip(
        folder.model.get_weights(), other.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, two)


def metrics(folder):
    with (folder.path / "metrics.csv").open(newline="") as file:
        return [
            {key: value for key, value in row.items() if key != "seconds"}
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def thorough(small_recipe):
    """Three epochs with everything that has a state: dropout, averages, paths."""
    settings = {"train.epochs": 3, "train.ema_momentum": 0.9, "augmentation.mixup": 0.2}
    options = {"dropout": 0.2, "stochastic_depth": 0.3}
    return changed(small_recipe, settings | {"network.arguments": options})


@pytest.fixture(scope="module")
def undisturbed(thorough, tmp_path_factory):
    return training.fit(thorough, tmp_path_factory.mktemp("runs") / "a", callbacks=[])


class BreakAWeight(keras.callbacks.Callback):
    """Put a NaN into a weight before the last step of the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == (1, 2):
            weight = self.model.trainable_weights[-1]
            weight.assign(np.full(weight.shape, np.nan))


@pytest.fixture(scope="module")
def broken(thorough, tmp_path_factory):
    """The error and the folder of a run that a NaN ended in its second epoch."""
    out = tmp_path_factory.mktemp("runs") / "broken"
    with pytest.raises(FloatingPointError) as raised:
        training.fit(thorough, out, callbacks=[BreakAWeight()])
    assert not out.exists()
    return str(raised.value), out.with_name("broken.partial")


@pytest.fixture
def partial(broken, tmp_path):
    """A copy of that folder, to be resumed as `run`."""
    _, folder = broken
    return shutil.copytree(folder, tmp_path / "run.partial")


def test_a_nan_ends_a_run_by_name_and_leaves_good_weights(broken):
    message, folder = broken
    assert "in step 3 of epoch 2" in message
    assert message.endswith("Received: loss=nan")
    weights = ModelFolder.open(folder).model.get_weights()
    assert all(np.isfinite(weight).all() for weight in weights)
    assert [row["epoch"] for row in metrics(ModelFolder.open(folder))] == ["1"]


def test_a_resumed_run_ends_as_an_undisturbed_one(thorough, undisturbed, partial):
    # An epoch's line that was written before a kill, but not its checkpoint.
    lines = (partial / "metrics.csv").read_text().splitlines()
    (partial / "metrics.csv").write_text("\n".join([*lines, "2" + lines[1][1:], ""]))
    (partial / ".123.model.keras").write_text("half a file")
    folder = training.fit(None, partial.with_name("run"), resume=True, callbacks=[])
    check_same(folder, undisturbed)
    assert metrics(folder) == metrics(undisturbed)
    files = {path.name for path in folder.path.iterdir()}
    assert files == {path.name for path in undisturbed.path.iterdir()}
    assert not partial.exists()


@pytest.mark.slow
def test_the_loss_scale_and_averages_of_float16_go_on(small_recipe, tmp_path):
    settings = {
        "precision": "mixed_float16",
        "train.ema_momentum": 0.9,
        "network.input_shape": (8, 8, 3),
        "augmentation.crop_padding": 1,
    }
    recipe, out = changed(small_recipe, settings), tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        training.fit(recipe, out, callbacks=[StopAt(1)])
    half = ModelFolder.open(tmp_path / "run.partial").model.get_weights()
    folder = training.fit(None, out, resume=True, callbacks=[])
    whole = training.fit(recipe, tmp_path / "whole", callbacks=[])
    check_same(folder, whole)
    assert metrics(folder) == metrics(whole)
    for before, after in zip(half, folder.model.get_weights(), strict=True):
        assert not np.array_equal(before, after)


@pytest.mark.slow
def test_a_run_without_a_checkpoint_begins_anew(thorough, partial):
    (partial / "checkpoint.h5").unlink()
    with pytest.raises(FloatingPointError, match="step 1 of epoch 1"):
        out = partial.with_name("run")
        training.fit(thorough, out, resume=True, callbacks=[NaNAtOnce()])


class NaNAtOnce(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        weight = self.model.trainable_weights[-1]
        weight.assign(np.full(weight.shape, np.nan))


def test_a_finished_run_is_left_as_it_is(model_folder, small_recipe, tmp_path, capsys):
    shutil.copytree(model_folder.path, tmp_path / "run")
    before = (tmp_path / "run" / "model.keras").stat().st_mtime_ns
    folder = training.fit(small_recipe, tmp_path / "run", resume=True, callbacks=[])
    assert (folder.path / "model.keras").stat().st_mtime_ns == before
    assert "nothing is trained. To train this" in capsys.readouterr().out


def test_resuming_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run to resume.*Received: "):
        training.fit(None, tmp_path / "run", resume=True)


def test_a_run_that_is_there_is_not_begun_anew(thorough, partial):
    message = "resume it with --resume.*Received: .*run.partial"
    with pytest.raises(FileExistsError, match=message):
        training.fit(thorough, partial.with_name("run"), callbacks=[])


def test_resuming_by_another_recipe_is_an_error(thorough, partial):
    other = changed(thorough, {"train.learning_rate": 0.5})
    message = "train.learning_rate=0.02.*Received: train.learning_rate=0.5"
    with pytest.raises(ValueError, match=message):
        training.fit(other, partial.with_name("run"), resume=True, callbacks=[])
    assert (partial / "checkpoint.h5").is_file()


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_damaged_checkpoint_is_named_and_nothing_lost(partial, damage):
    checkpoint = partial / "checkpoint.h5"
    if damage == "cut":
        checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    else:
        with h5py.File(checkpoint, "a") as file:
            del file["3"]
    size = checkpoint.stat().st_size
    with pytest.raises(ValueError, match=f"checkpoint.*Received: {checkpoint}"):
        training.fit(None, partial.with_name("run"), resume=True, callbacks=[])
    assert checkpoint.stat().st_size == size
    assert (partial / "model.keras").is_file()


class FillDisk(keras.callbacks.Callback):
    """Let no file grow beyond a size from the second epoch on."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, self.limits[1]))


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_good_checkpoint(thorough, undisturbed, tmp_path):
    out, disk = tmp_path / "run", FillDisk()
    try:
        with pytest.raises(OSError):
            training.fit(thorough, out, callbacks=[disk])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, disk.limits)
    check_same(training.fit(thorough, out, resume=True, callbacks=[]), undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [(1, 0), (2, 2)])
def test_a_stopped_run_ends_as_an_undisturbed_one(
    thorough, undisturbed, tmp_path, stop
):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        training.fit(thorough, out, callbacks=[StopAt(*stop)])
    check_same(training.fit(None, out, resume=True, callbacks=[]), undisturbed)


@pytest.mark.slow
def test_a_run_stopped_before_it_was_renamed_is_only_renamed(
    thorough, undisturbed, tmp_path
):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        training.fit(thorough, out, callbacks=[StopAtTheEnd()])
    check_same(training.fit(thorough, out, resume=True, callbacks=[]), undisturbed)


class StopAtTheEnd(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        raise KeyboardInterrupt
