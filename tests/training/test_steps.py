"""Epochs of any number of steps, optimizers and accumulation: resuming is exact."""

import keras
import numpy as np
import pytest

from keras_resattn import training
from keras_resattn.training.job import make_job
from tests.training.recipes import changed


class Stop(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


def stream(recipe, first_epoch, **settings):
    settings = {f"train.{key}": value for key, value in settings.items()}
    job = make_job(changed(recipe, settings), None)
    batches = job.training_batches(first_epoch).as_numpy_iterator()
    return [(label.argmax(-1).tolist(), images.sum()) for images, label in batches]


@pytest.fixture(scope="module")
def whole(small_recipe):
    return stream(small_recipe, 0, epochs=8)  # of three steps


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7])
def test_the_stream_of_batches_does_not_depend_on_the_steps_per_epoch(
    small_recipe, whole, steps
):
    for first in (0, 1, 2):
        part = stream(small_recipe, first, epochs=3, steps_per_epoch=steps)
        assert part[: (3 - first) * steps] == whole[first * steps : 3 * steps]


@pytest.mark.parametrize(
    "settings",
    [
        {"steps_per_epoch": 2, "schedule": "constant"},
        {"optimizer": "adamw", "weight_decay": 0.01, "clip_norm": 1.0},
        {"accumulate": 2, "ema_momentum": 0.9},
        {"optimizer": "lion", "body_rate_factor": 0.1, "class_weights": "balanced"},
    ],
    ids=["steps", "adamw", "accumulate", "lion"],
)
def test_resuming_is_exact(small_recipe, tmp_path, settings):
    small = {"network.input_shape": (8, 8, 3), "augmentation.crop_padding": 1}
    settings = {f"train.{key}": value for key, value in settings.items()}
    rate = {"train.learning_rate": 0.001, "train.epochs": 3}
    recipe = changed(small_recipe, small | rate | settings)
    whole = training.fit(recipe, tmp_path / "whole", callbacks=[])
    with pytest.raises(KeyboardInterrupt):
        training.fit(recipe, tmp_path / "run", callbacks=[Stop(1)])
    resumed = training.fit(None, tmp_path / "run", resume=True, callbacks=[])
    for one, other in zip(
        whole.model.get_weights(), resumed.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
