import io
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from keras_resattn.training.progress import Progress
from keras_resattn.training.progress import epoch_line
from keras_resattn.training.progress import learning_rate
from keras_resattn.training.step_clock import StepClock

SHOW_CURSOR = "\x1b[?25h"


class FakeTime:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


class EachStepTakes(keras.callbacks.Callback):
    def __init__(self, time, step=1.0, test=0.0):
        super().__init__()
        self.time, self.step, self.test = time, step, test

    def on_train_batch_end(self, batch, logs=None):
        self.time.seconds += self.step

    def on_test_batch_end(self, batch, logs=None):
        self.time.seconds += self.test


class Logs(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.rows = []

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append(logs)


def batches(count=4, time=None, fetch=0.0):
    """Batches of two images, each of which takes `fetch` seconds to come."""

    def generate():
        for i in range(count):
            if time:
                time.seconds += fetch
            yield np.full((2, 3), i, "float32"), np.array([0, 1])

    signature = (tf.TensorSpec((2, 3)), tf.TensorSpec((2,), tf.int64))
    data = tf.data.Dataset.from_generator(generate, output_signature=signature)
    options = tf.data.Options()
    # Else batches are fetched when they are not waited for.
    options.experimental_optimization.inject_prefetch = False
    options.autotune.enabled = False
    known = tf.data.experimental.assert_cardinality(count)
    return data.apply(known).with_options(options)


def dense_model(rate=0.1, **arguments):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    loss = "sparse_categorical_crossentropy"
    optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, loss=loss, metrics=["accuracy"], **arguments)
    return model


def run(model, data, *callbacks, epochs=2, **arguments):
    """Train; return the lines that were shown."""
    arguments |= {"verbose": 0, "shuffle": False}
    model.fit(data, epochs=epochs, callbacks=list(callbacks), **arguments)
    console = next(x.console for x in callbacks if isinstance(x, Progress))
    return [line for line in console.file.getvalue().split("\n") if line]


def plain(width=200, **arguments):
    return Console(file=io.StringIO(), width=width, **arguments)


def test_an_epoch_is_a_line_of_plain_text_where_there_is_no_terminal():
    lines = run(dense_model(), batches(), Progress(2, plain()))
    assert [line[:9] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    for text in ("accuracy 0.500", "loss ", "0:00:00 left", " img/s"):
        assert text in lines[0]
    assert not any("\x1b" in line or "\r" in line for line in lines)


def test_the_logs_tell_speed_and_data_wait_of_the_steps_after_the_first():
    time, logs = FakeTime(), Logs()
    progress = Progress(2, plain(), StepClock(time))
    step, data = EachStepTakes(time, step=1, test=100), batches(5, time, fetch=3)
    run(dense_model(), data, step, progress, logs, validation_data=batches())
    for row in logs.rows:
        assert row["learning_rate"] == pytest.approx(0.1)
        assert row["images_per_second"] == pytest.approx(2 / 4)
        assert row["data_wait"] == pytest.approx(3 / 4)


def test_the_time_left_holds_the_tests_of_the_epochs_to_come():
    time = FakeTime()
    progress = Progress(2, plain(), StepClock(time))
    step = EachStepTakes(time, step=1, test=50)
    data, test = batches(4), batches(2)
    lines = run(dense_model(), data, step, progress, validation_data=test, epochs=3)
    assert "0:03:28 left" in lines[0]  # 2 epochs of 4 steps and 100 s of tests
    assert "0:01:44 left" in lines[1]
    assert "left" not in lines[2]


def test_a_resumed_run_goes_on_with_its_own_epochs():
    time = FakeTime()
    progress = Progress(2, plain(), StepClock(time))
    step = EachStepTakes(time)
    lines = run(dense_model(), batches(), step, progress, epochs=5, initial_epoch=3)
    assert [line[:9] for line in lines] == ["epoch 4/5", "epoch 5/5"]
    assert "0:00:04 left" in lines[0]


def test_training_is_the_same_with_and_without():
    model, other = dense_model(), dense_model()
    run(model, batches(), Progress(2, plain()))
    other.fit(batches(), epochs=2, verbose=0, shuffle=False)
    for weights, expected in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_a_model_can_be_trained_on_after_an_interruption():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model, progress = dense_model(), Progress(2, plain(force_terminal=True))
    with pytest.raises(KeyboardInterrupt):
        run(model, batches(), progress, Stop())
    progress.stop()
    assert SHOW_CURSOR in progress.console.file.getvalue()
    progress = Progress(2, plain())
    assert len(run(model, batches(), progress)) == 2
    assert model.fit(batches(), verbose=0, shuffle=False).history["loss"]


def test_what_cannot_be_measured_is_not_told():
    logs, progress = Logs(), Progress(2, plain(force_terminal=True))
    model = dense_model(steps_per_execution=2)
    run(model, batches(), progress, logs)
    assert "data wait" not in progress.console.file.getvalue()
    assert math.isnan(logs.rows[0]["data_wait"])


def test_an_epoch_of_one_step_has_a_speed():
    time = FakeTime()
    progress = Progress(8, plain(), StepClock(time))
    logs = Logs()
    lines = run(dense_model(), batches(1, time, fetch=4), progress, logs)
    assert all(line.endswith("2 img/s") for line in lines)
    assert [row["data_wait"] for row in logs.rows] == pytest.approx([1, 1])


# Keras warns after the epoch in which it learns the number.
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_an_unknown_number_of_steps_is_learnt():
    data = batches().filter(lambda image, label: True)
    lines = run(dense_model(), data, Progress(2, plain()), epochs=3)
    assert len(lines) == 3


def test_a_terminal_shows_the_epoch_the_run_and_the_rate():
    time, console = FakeTime(), plain(force_terminal=True)
    progress = Progress(2, console, StepClock(time))
    run(dense_model(), batches(), EachStepTakes(time), progress, epochs=3)
    shown = console.file.getvalue()
    for text in ("2/4", "0:00:02", "1/3", "learning rate 0.1", "\x1b["):
        assert text in shown


LONG = {"accuracy": 0.5, "loss": 12.3, "val_accuracy": 0.4, "val_loss": 10.0}


@pytest.mark.parametrize(
    ("logs", "speed", "expected"),
    [
        (
            LONG,
            330.4,
            "epoch 100/200  accuracy 0.500/0.400  loss 12.300/10.000  10:00:00 left",
        ),
        (
            {"accuracy": 0.5, "loss": 1.0, "val_loss": 2.0},
            330.4,
            "epoch 100/200  accuracy 0.500  loss 1.000/2.000  10:00:00 left  330 img/s",
        ),
        ({"loss": 1.0}, math.nan, "epoch 100/200  loss 1.000  10:00:00 left"),
        (
            LONG | {"top_5_accuracy": 0.9, "val_top_5_accuracy": 0.8},
            330.4,
            "epoch 100/200  accuracy 0.500/0.400  loss 12.300/10.000  "
            "top_5_accuracy 0.900/0.800",
        ),
    ],
)
def test_the_line_of_an_epoch_is_at_most_80_wide(logs, speed, expected):
    assert epoch_line("epoch 100/200", logs, speed, 36_000) == expected
    assert len(expected) <= 80 or " left" not in expected


def test_a_quiet_console_shows_nothing():
    assert run(dense_model(), batches(), Progress(2, plain(quiet=True))) == []


def test_the_rate_is_that_of_the_next_step_also_with_a_loss_scale():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([3], [0.5, 0.25])
    for wrap in (lambda x: x, keras.optimizers.LossScaleOptimizer):
        optimizer = wrap(keras.optimizers.SGD(schedule))
        model = dense_model()
        model.compile(optimizer, "sparse_categorical_crossentropy")
        assert learning_rate(model.optimizer) == 0.5
        model.fit(batches(), verbose=0, shuffle=False)
        assert learning_rate(model.optimizer) == 0.25
