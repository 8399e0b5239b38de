import keras
import numpy as np
import pytest

from keras_resattn.training import StopAtNaN


def linear(weight):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    model.layers[0].kernel.assign([[weight]])
    return model


def train(model):
    x = y = np.ones((4, 1))
    model.fit(x, y, batch_size=2, epochs=3, callbacks=[StopAtNaN()], verbose=0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_no_number_ends_the_run_by_epoch_and_step(value):
    message = f"in step 1 of epoch 1.*loss={value}"
    with pytest.raises(FloatingPointError, match=message):
        train(linear(value))


def test_finite_losses_go_on():
    model = linear(0.5)
    train(model)
    assert model.optimizer.iterations == 6


def test_a_weight_that_is_no_number_is_found_where_no_loss_tells():
    stop = StopAtNaN()
    stop.set_model(linear(np.inf))
    stop.on_epoch_begin(1)
    with pytest.raises(FloatingPointError, match=r"in epoch 2, in .*kernel\. "):
        stop.on_epoch_end(1, {"loss": 0.5, "val_loss": 0.5})
