"""The first step of a training: TensorFlow traces it once."""

import keras
import pytest

from keras_resattn import training

pytestmark = pytest.mark.one_backend


def test_a_training_step_is_traced_once(small_recipe, tmp_path, monkeypatch):
    """Tracing takes most of the time of a first step: Keras alone traces twice."""
    traced = []
    train_step = keras.Model.train_step

    def counted(model, data):
        traced.append(data)
        return train_step(model, data)

    monkeypatch.setattr(keras.Model, "train_step", counted)
    training.fit(small_recipe, tmp_path / "run", callbacks=[])
    assert len(traced) == 1
