"""The best epoch is kept, a training that does not improve ends."""

import csv

import keras
import numpy as np
import pytest

from keras_resattn import training
from keras_resattn.atomic_writing import write_beside
from keras_resattn.model_folder import ModelFolder
from keras_resattn.training.selection import Selection
from tests.training.recipes import changed


def rows(*scores):
    return [{"val_accuracy": a, "val_loss": loss} for a, loss in scores]


def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss():
    assert (
        Selection(rows=rows((0.5, 1), (0.7, 2), (0.7, 1.5), (0.7, 1.5))).best_epoch == 3
    )
    assert Selection(rows=rows(("0.5", "1"), ("NA", "nan"))).best_epoch == 1
    assert Selection(rows=rows((np.nan, np.nan), (0.1, 5))).best_epoch == 2


def test_a_training_must_stop_after_epochs_without_a_better_one():
    scores = rows((0.5, 1), (0.4, 1), (0.5, 1))
    assert Selection(2, scores).must_stop
    assert not Selection(3, scores).must_stop
    assert not Selection(None, scores).must_stop
    assert not Selection(1).must_stop


class WeightsOfEpochs(keras.callbacks.Callback):
    """Keep the weights after each epoch; press Ctrl-C at the start of one."""

    def __init__(self, stop=None):
        super().__init__()
        self.weights, self.stop = [], stop

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.stop:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.layers[-1].get_weights())


TOO_FAST = {
    "train.learning_rate": 2.5,
    "train.schedule": "constant",
    "train.warmup_epochs": 0,
    "network.input_shape": (8, 8, 3),
    "augmentation.crop_padding": 1,
}


@pytest.fixture(scope="module")
def worsening(small_recipe):
    """A recipe whose validation is best in the third epoch: its rate is too high."""
    settings = {
        "train.epochs": 6,
        "train.keep": "best",
        "train.patience": 2,
        **TOO_FAST,
    }
    return changed(small_recipe, settings)


def metrics(folder):
    with (folder.path / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_best_model_is_kept_and_patience_ends_the_training(worsening, tmp_path):
    seen = WeightsOfEpochs()
    folder = training.fit(worsening, tmp_path / "run", callbacks=[seen])
    found = metrics(folder)
    selection = Selection(2, found)
    assert selection.must_stop
    assert len(found) == selection.best_epoch + 2 < 6
    assert_equal(folder.model.get_weights(), seen.weights[selection.best_epoch - 1])
    card = (folder.path / "card.md").read_text()
    assert f"The model is that of epoch {selection.best_epoch}, which had" in card
    assert "The training stopped because 2 epochs" in card
    # An interrupted run keeps the same model, and ends at the same epoch.
    with pytest.raises(KeyboardInterrupt):
        stop = WeightsOfEpochs(len(found) - 1)
        training.fit(worsening, tmp_path / "again", callbacks=[stop])
    again = training.fit(None, tmp_path / "again", resume=True, callbacks=[])
    assert_equal(again.model.get_weights(), folder.model.get_weights())
    assert [row["val_loss"] for row in metrics(again)] == [
        row["val_loss"] for row in found
    ]


def test_a_training_that_must_stop_is_not_resumed_beyond(worsening, tmp_path):
    class StopAtTheEnd(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            raise KeyboardInterrupt

    recipe = changed(worsening, {"train.patience": 1})
    with pytest.raises(KeyboardInterrupt):
        training.fit(recipe, tmp_path / "run", callbacks=[StopAtTheEnd()])
    partial = ModelFolder.open(tmp_path / "run.partial")
    before = metrics(partial)
    folder = training.fit(None, tmp_path / "run", resume=True, callbacks=[])
    assert metrics(folder) == before


def test_what_a_callback_restores_is_in_the_folder(small_recipe, tmp_path):
    class RestoreFirst(WeightsOfEpochs):
        """As EarlyStopping with `restore_best_weights` does at the end."""

        def on_train_end(self, logs=None):
            self.model.layers[-1].set_weights(self.weights[0])

    restore = RestoreFirst()
    folder = training.fit(small_recipe, tmp_path / "run", callbacks=[restore])
    assert_equal(folder.model.get_weights(), restore.weights[0])
    assert not np.array_equal(restore.weights[0][0], restore.weights[1][0])


def test_early_stopping_of_keras_leaves_its_best_weights(small_recipe, tmp_path):
    settings = {"train.epochs": 4, **TOO_FAST}
    stop = keras.callbacks.EarlyStopping(
        "val_loss", patience=1, restore_best_weights=True
    )
    recipe = changed(small_recipe, settings)
    folder = training.fit(recipe, tmp_path / "run", callbacks=[stop])
    losses = [float(row["val_loss"]) for row in metrics(folder)]
    assert stop.best_epoch == int(np.argmin(losses)) < len(losses) - 1
    # The loss of the training has label smoothing and takes batches; both are off.
    assert training.evaluate(folder).loss == pytest.approx(min(losses), rel=1e-3)


def test_averaged_weights_are_saved_once(small_recipe, tmp_path, monkeypatch):
    from keras_resattn.training import callbacks

    saved = []

    def note(path, save):
        saved.append(path)
        write_beside(path, save)

    class Raw(keras.callbacks.Callback):
        """Compare the trained weights before a model is saved and after it."""

        def on_epoch_begin(self, epoch, logs=None):
            if epoch:
                assert_equal(self.model.get_weights(), self.weights)

        def on_epoch_end(self, epoch, logs=None):
            self.weights = self.model.get_weights()

    monkeypatch.setattr(callbacks, "write_beside", note)
    recipe = changed(small_recipe, {"train.ema_momentum": 0.9})
    raw = Raw()
    folder = training.fit(recipe, tmp_path / "run", callbacks=[raw])
    assert len(saved) == recipe.train.epochs
    assert not np.array_equal(folder.model.get_weights()[0], raw.weights[0])
