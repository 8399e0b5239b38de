import keras
import numpy as np
import pytest

from keras_resattn.recipes.settings import Train
from keras_resattn.training.optimizer import CoupledSGD
from keras_resattn.training.optimizer import WarmUpAndDecline
from keras_resattn.training.optimizer import compile_model
from keras_resattn.training.optimizer import scale_rates


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


def test_an_unknown_fall_is_an_error():
    with pytest.raises(ValueError, match="`shape` must be.*Received: shape='step'"):
        WarmUpAndDecline(0.1, steps=100, shape="step")


def test_a_constant_rate_rises_and_stays():
    found = rates(40, schedule="constant", learning_rate=0.3, warmup_epochs=1)
    assert found[0] == pytest.approx(0.03)
    assert found[10:] == pytest.approx([0.3] * 31)


def dense(**settings):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "softmax")])
    compile_model(model, Train(epochs=4, **settings), steps_per_epoch=5)
    return model


@pytest.mark.parametrize("name", ["adam", "adamw", "lion", "nadam", "rmsprop"])
def test_an_optimizer_by_name_is_the_one_of_keras(name):
    settings = {"weight_decay": 0.05, "clip_norm": 1.5, "ema_momentum": 0.9}
    optimizer = dense(optimizer=name, accumulate=4, **settings).optimizer
    assert type(optimizer).__name__.lower() == name
    assert optimizer.weight_decay == 0.05
    assert optimizer.global_clipnorm == 1.5
    assert optimizer.gradient_accumulation_steps == 4
    assert optimizer.use_ema and optimizer.ema_momentum == 0.9
    assert dense(optimizer=name).optimizer.gradient_accumulation_steps is None


def test_the_default_is_the_papers_sgd():
    optimizer = dense(weight_decay=1e-4).optimizer
    assert isinstance(optimizer, CoupledSGD)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)
    assert optimizer.coupled_weight_decay == 1e-4
    assert optimizer.weight_decay is None and optimizer.global_clipnorm is None


def test_the_rate_follows_the_images_of_an_update():
    settings = Train(batch_size=32, accumulate=4, base_batch_size=64, learning_rate=0.1)
    assert settings.peak_learning_rate == pytest.approx(0.2)
    assert Train(batch_size=32, accumulate=4).peak_learning_rate == pytest.approx(0.1)


@pytest.mark.parametrize("make", [CoupledSGD, keras.optimizers.AdamW])
def test_some_variables_can_have_a_smaller_rate(make):
    start = np.array([1.0, -2.0], "float32")

    def moved(factor):
        body, head = keras.Variable(start), keras.Variable(start)
        optimizer = make(0.1)
        optimizer.build([body, head])
        scale_rates(optimizer, [body], factor)
        gradient = keras.ops.convert_to_tensor(np.array([0.3, -0.1], "float32"))
        optimizer.weight_decay = None
        for _ in range(3):
            optimizer.apply([gradient, gradient], [body, head])
        return [keras.ops.convert_to_numpy(v) - start for v in (body, head)]

    if keras.backend.backend() == "torch" and make is keras.optimizers.AdamW:
        with pytest.raises(ValueError, match="at once.*Received: AdamW"):
            moved(0.1)
        return
    body, head = moved(0.1)
    np.testing.assert_allclose(body, 0.1 * head, rtol=1e-3)
    assert np.abs(head).min() > 0.01
    np.testing.assert_array_equal(*moved(1.0))


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
