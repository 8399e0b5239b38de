import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn import create_model
from keras_resattn.data import Preprocessing
from keras_resattn.layers.convolution import convolution
from keras_resattn.training.build import build_model
from keras_resattn.training.pointwise_convolution import multiply_pointwise_convolutions


def model_of(layer, size=(5, 6), channels=130):
    return keras.Sequential([keras.Input((*size, channels)), layer])


@pytest.mark.parametrize("size", [(5, 6), (None, 6), (None, None)])
@pytest.mark.parametrize(
    "policy, tolerance", [("float32", 1e-4), ("mixed_bfloat16", 2e-2)]
)
def test_it_computes_what_the_convolution_computes(policy, tolerance, size):
    x = tf.random.stateless_normal((2, 5, 6, 130), (0, 0))
    upstream = tf.random.stateless_normal((2, 5, 6, 7), (0, 1))
    results = []
    for multiplied in (False, True):
        keras.utils.set_random_seed(0)
        layer = convolution(7, 1, dtype=policy)
        model = model_of(layer, size)
        assert not multiplied or multiply_pointwise_convolutions(model) == 1
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.function(model)(x, training=True)
        assert y.dtype == layer.compute_dtype
        sources = [x, layer.kernel.value]
        results.append([y, *tape.gradient(y, sources, tf.cast(upstream, y.dtype))])
        assert results[-1][-1].dtype == tf.float32
    for plain, product in zip(*results, strict=True):
        plain, product = tf.cast(plain, "float32"), tf.cast(product, "float32")
        scale = tf.reduce_max(abs(plain))
        np.testing.assert_allclose(product / scale, plain / scale, atol=tolerance)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2D(8, 1),
        keras.layers.Conv2D(8, 1, use_bias=False, activation="relu"),
        convolution(8, 1, strides=2),
        convolution(8, 3),
        convolution(10, 1, groups=10),
        convolution(8, 1, dtype="mixed_float16"),
    ],
    ids=range(6),
)
def test_other_convolutions_are_left_as_they_are(layer):
    assert multiply_pointwise_convolutions(model_of(layer)) == 0


def test_narrow_convolutions_in_bfloat16_are_left_as_they_are():
    layer = convolution(16, 1, dtype="mixed_bfloat16")
    assert multiply_pointwise_convolutions(model_of(layer, channels=64)) == 0


def test_it_is_saved_as_a_plain_one(tmp_path):
    network = create_model("tiny", classes=3)
    assert multiply_pointwise_convolutions(network) > 20
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).random((2, 32, 32, 3), "float32")
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), network.predict(x, verbose=0), atol=1e-5
    )
    assert "call" not in vars(loaded.get_layer("stage1_unit1").conv1)


@pytest.mark.parametrize("gpus", [0, 1])
def test_training_uses_it_on_a_cpu_alone(small_recipe, monkeypatch, gpus):
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind="CPU": [kind] * gpus
    )
    network, _ = build_model(small_recipe, Preprocessing((16, 16, 3)), 2, 10)
    replaced = "call" in vars(network.get_layer("stage1_unit1").conv1)
    assert replaced == (gpus == 0)
