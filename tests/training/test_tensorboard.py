import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn import ResidualAttentionNetwork
from keras_resattn import Stage
from keras_resattn import attention_masks
from keras_resattn.training.tensorboard import tensorboard_callbacks


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype("float32")


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    stages = (Stage(8, 1, 1, mask_depth=1),)
    shape = (16, 16, 3)
    return ResidualAttentionNetwork(stages, "cifar", input_shape=shape, classes=2)


@pytest.fixture(scope="module")
def logs(network, images, tmp_path_factory):
    """The folder that three epochs leave, masks after each second."""
    folder = tmp_path_factory.mktemp("logs")
    pixels = keras.Input((16, 16, 3))
    model = keras.Model(pixels, network(pixels))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    optimizer = keras.optimizers.SGD(schedule)
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    data = tf.data.Dataset.from_tensors((images, np.array([0, 1] * 2))).repeat(2)
    callbacks = tensorboard_callbacks(
        folder, network, images[:2], masks_every=2, profile_steps=2
    )
    model.fit(
        data,
        validation_data=data,
        epochs=3,
        callbacks=callbacks,
        verbose=0,
        shuffle=False,
    )
    return folder


def read(folder):
    """Return the summaries of all event files: {tag: [(step, value)]}."""
    summaries = {}
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                pair = event.step, tf.make_ndarray(value.tensor)
                summaries.setdefault(value.tag, []).append(pair)
    return summaries


def test_curves_and_the_rate_of_each_epoch_are_written(logs):
    train, test = read(logs / "train"), read(logs / "validation")
    for summaries in (train, test):
        for tag in ("epoch_loss", "epoch_accuracy"):
            assert [step for step, _ in summaries[tag]] == [0, 1, 2]
    rates = [float(value) for _, value in train["epoch_learning_rate"]]
    np.testing.assert_allclose(rates, [0.05, 0.025, 0.0125], rtol=1e-6)


def test_masks_are_written_each_second_epoch_and_the_last(logs):
    written = read(logs / "masks")
    assert set(written) == {"images", "masks/stage1_attention1"}
    assert [step for step, _ in written["masks/stage1_attention1"]] == [1, 2]


def test_the_masks_are_those_of_the_trained_network(logs, network, images):
    # An image summary is width, height, and a PNG for each image.
    written = read(logs / "masks")["masks/stage1_attention1"]
    step, (width, height, *pngs) = written[-1]
    assert (step, int(width), int(height), len(pngs)) == (2, 16, 16, 2)
    masks = attention_masks(network, upsample=True)(images[:2])
    expected = np.mean(masks["stage1_attention1"], axis=-1, keepdims=True)
    shown = [tf.io.decode_png(png).numpy() / 255 for png in pngs]
    np.testing.assert_allclose(shown, expected, atol=1 / 255)


def test_a_profile_is_a_trace(logs):
    assert [path.stat().st_size > 0 for path in logs.rglob("*.xplane.pb")] == [True]


def test_nothing_but_curves_is_written_unless_asked_for(network, tmp_path):
    assert len(tensorboard_callbacks(tmp_path, network)) == 1


def test_without_tensorboard_there_is_a_hint(network, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r"pip install .*\[tensorboard\]"):
        tensorboard_callbacks(tmp_path, network)
