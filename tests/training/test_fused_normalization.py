import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_resattn
from keras_resattn.training.fused_normalization import fuse_batch_normalization

STAGES = (keras_resattn.Stage(8, 1, 1, mask_depth=1),)


def network(**arguments):
    return keras_resattn.ResidualAttentionNetwork(
        STAGES, "cifar", input_shape=(32, 32, 1), classes=3, **arguments
    )


def pair():
    """Return a model and its copy with the fused kernel."""
    keras.utils.set_random_seed(0)
    plain, fused = network(), network()
    fused.set_weights(plain.get_weights())
    assert fuse_batch_normalization(fused) > 20
    return plain, fused


@pytest.mark.parametrize(
    "policy, tolerance",
    [("float32", 1e-4), ("mixed_bfloat16", 3e-2), ("mixed_float16", 4e-3)],
)
def test_it_computes_what_keras_computes(policy, tolerance):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(3, 2, (4, 5, 6, 8)), tf.float32)
    upstream = tf.constant(rng.normal(0, 1, x.shape), tf.float32)
    weights = [rng.uniform(0.5, 1.5, 8) for _ in range(4)]
    results = []
    for fused in (False, True):
        layer = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype=policy
        )
        model = keras.Sequential([keras.Input(x.shape[1:]), layer])
        layer.set_weights(weights)
        assert not fused or fuse_batch_normalization(model) == 1
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=True)
        assert y.dtype == layer.compute_dtype
        sources = [x, layer.gamma.value, layer.beta.value]
        gradients = tape.gradient(y, sources, tf.cast(upstream, y.dtype))
        results.append([y, *gradients, *layer.get_weights(), model(x)])
    for plain, fused in zip(*results, strict=True):
        plain, fused = tf.cast(plain, "float32"), tf.cast(fused, "float32")
        np.testing.assert_allclose(plain, fused, rtol=tolerance, atol=tolerance)
    plain, fused = (result[-3:-1] for result in results)
    np.testing.assert_allclose(plain, fused, rtol=1e-5)  # the moving statistics


def test_a_network_has_the_same_loss():
    plain, fused = pair()
    rng = np.random.default_rng(0)
    images, labels = rng.random((6, 32, 32, 1), "float32"), np.arange(6) % 3
    losses = []
    for model in (plain, fused):
        model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
        losses.append(model.train_on_batch(images, labels))
    assert abs(losses[0] - losses[1]) < 1e-5


@pytest.mark.parametrize("training", [True, False])
def test_the_graph_has_the_fused_kernel(training):
    _, fused = pair()
    function = tf.function(lambda x: fused(x, training=training))
    graph = function.get_concrete_function(tf.zeros((2, 32, 32, 1))).graph
    assert "FusedBatchNormV3" in {node.type for node in graph.get_operations()}


def test_a_fused_model_is_saved_as_a_plain_one(tmp_path):
    plain, fused = pair()
    fused.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.rand(2, 32, 32, 1)
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), plain.predict(x, verbose=0), atol=1e-6
    )
    assert type(loaded.get_layer("stem_bn")) is keras.layers.BatchNormalization


@pytest.mark.parametrize("shape", [(4, 3, 2, 5), (1, 1, 1, 5)])
@pytest.mark.parametrize("batch", ["known", "unknown"])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_moving_statistics_are_those_of_keras(shape, batch, jit_compile):
    rng = np.random.default_rng(0)
    batches = [rng.normal(3, 2, shape).astype("float32") for _ in range(3)]
    results = []
    for fused in (False, True):
        layer = keras.layers.BatchNormalization(momentum=0.9)
        model = keras.Sequential([keras.Input(shape[1:]), layer])
        assert not fused or fuse_batch_normalization(model) == 1
        first = shape[0] if batch == "known" else None

        @tf.function(
            input_signature=[tf.TensorSpec((first, *shape[1:]))],
            autograph=False,
            jit_compile=jit_compile,
        )
        def step(images, model=model):
            return model(images, training=True)

        for images in batches:
            step(images)
        results.append(layer.get_weights()[2:])
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-7)
