import keras
import numpy as np
import pytest

from keras_resattn.recipes.settings import Train
from keras_resattn.training.optimizer import CoupledSGD
from keras_resattn.training.optimizer import WarmUpAndDecline
from keras_resattn.training.optimizer import compile_model


def rates(steps, every=1, **settings):
    settings = Train(epochs=4, **settings)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "softmax")])
    compile_model(model, settings, steps_per_epoch=steps // 4)
    rate = model.optimizer._learning_rate
    return [float(rate(step)) for step in range(0, steps + 1, every)]


def test_the_rate_rises_and_then_falls_to_zero_as_a_cosine():
    found = rates(40, learning_rate=0.1, warmup_epochs=1)
    assert found[0] == pytest.approx(0.01)
    assert max(found) == found[10] == pytest.approx(0.1)
    assert found[25] == pytest.approx(0.05)
    assert found[40] == pytest.approx(0, abs=1e-6)


def test_the_rate_falls_in_a_line():
    found = rates(40, schedule="linear", learning_rate=0.4, warmup_epochs=2)
    assert found[20] == pytest.approx(0.4)
    np.testing.assert_allclose(np.diff(found[20:]), -0.02, atol=1e-6)


def test_the_papers_rate_is_divided_at_64k_and_96k_of_160k_steps():
    found = rates(160_000, every=16_000, schedule="steps", warmup_epochs=0)
    assert found == pytest.approx([0.1] * 4 + [0.01] * 2 + [0.001] * 5)


def test_a_schedule_is_read_back_as_it_was():
    rate = WarmUpAndDecline(0.3, 50, 5, "steps", (0.5,), 4.0)
    config = keras.optimizers.schedules.serialize(rate)
    again = keras.optimizers.schedules.deserialize(config)
    assert [float(again(i)) for i in range(50)] == [float(rate(i)) for i in range(50)]


@pytest.mark.parametrize("nesterov", [False, True])
def test_weight_decay_is_that_of_a_squared_penalty(nesterov):
    decay = 0.05
    start = np.array([1.0, -2.0, 3.0], "float32")
    by_decay, by_penalty = keras.Variable(start), keras.Variable(start)
    options = {"learning_rate": 0.1, "momentum": 0.9, "nesterov": nesterov}
    decaying = CoupledSGD(**options, coupled_weight_decay=decay)
    plain = keras.optimizers.SGD(**options)
    gradient = np.array([0.1, 0.2, -0.3], "float32")
    for _ in range(5):
        penalty = decay * keras.ops.convert_to_numpy(by_penalty)
        decaying.apply([keras.ops.convert_to_tensor(gradient)], [by_decay])
        plain.apply([keras.ops.convert_to_tensor(gradient + penalty)], [by_penalty])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(by_decay),
        keras.ops.convert_to_numpy(by_penalty),
        rtol=1e-6,
    )


def test_an_optimizer_is_read_back_as_it_was():
    optimizer = CoupledSGD(WarmUpAndDecline(0.1, 9), coupled_weight_decay=1e-4)
    config = keras.optimizers.serialize(optimizer)
    again = keras.optimizers.deserialize(config)
    assert again.coupled_weight_decay == 1e-4
    assert again.get_config() == optimizer.get_config()
