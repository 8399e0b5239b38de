import keras
import numpy as np
import pytest

import keras_resattn


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize(("classes", "count"), [(10, 1_030_394), (100, 1_053_524)])
def test_counts(classes, count):
    assert trainable(keras_resattn.cifar.Attention56(classes=classes)) == count


def test_depth_is_56():
    # Weighted layers on the longest path: stem and classifier, 3 convolutions
    # in each of the units that are not in a mask's branch but for its bottom:
    # 9 m (2 p + t) + 20 for m = p = 1, t = 2.
    model = keras_resattn.cifar.Attention56()
    trunk_units = sum(
        2 if layer.name.endswith("_trunk") else 1
        for layer in model.layers
        if layer.name.endswith(("_trunk", "_pre1", "_post1", "_unit1", "_unit2"))
    )
    assert 3 * trunk_units + 2 == 56


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (31, 33, 3), (64, 48, 4)])
def test_small_images(shape):
    model = keras_resattn.cifar.Attention56(input_shape=shape, classes=3)
    assert model.predict(np.random.rand(2, *shape), verbose=0).shape == (2, 3)


def test_smaller_than_8_is_an_error():
    with pytest.raises(ValueError, match=r"at least 8x8. Received.*\(7, 8, 1\)"):
        keras_resattn.cifar.Attention56(input_shape=(7, 8, 1))


# XLA is JAX's way and takes minutes to compile on TensorFlow.
JIT_COMPILE = keras.backend.backend() == "jax"


def test_gradients_reach_every_weight_by_one_step():
    keras.utils.set_random_seed(0)
    model = keras_resattn.cifar.Attention56(input_shape=(16, 16, 1), classes=3)
    before = [keras.ops.convert_to_numpy(w) for w in model.trainable_weights]
    model.compile(
        keras.optimizers.SGD(0.1),
        "sparse_categorical_crossentropy",
        jit_compile=JIT_COMPILE,
    )
    model.train_on_batch(np.random.rand(8, 16, 16, 1), np.arange(8) % 3)
    unmoved = [
        weight.path
        for weight, old in zip(model.trainable_weights, before, strict=True)
        if np.array_equal(keras.ops.convert_to_numpy(weight), old)
    ]
    assert unmoved == []


@pytest.mark.one_backend
def test_it_learns_to_tell_two_classes():
    keras.utils.set_random_seed(0)
    labels = np.arange(32) % 2
    images = np.random.rand(32, 8, 8, 1) + labels[:, None, None, None]
    model = keras_resattn.cifar.Attention56(input_shape=(8, 8, 1), classes=2)
    model.compile(
        keras.optimizers.SGD(0.05, 0.9),
        "sparse_categorical_crossentropy",
        jit_compile=JIT_COMPILE,
    )
    losses = model.fit(images, labels, batch_size=16, epochs=4, verbose=0)
    assert losses.history["loss"][-1] < 0.5 * losses.history["loss"][0]


@pytest.mark.one_backend
def test_channels_first_is_the_same():
    last = keras_resattn.cifar.Attention56(input_shape=(16, 15, 3), classes=3)
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        first = keras_resattn.cifar.Attention56(input_shape=(3, 16, 15), classes=3)
        with pytest.raises(ValueError, match=r"8x8. Received: .*\(3, 16, 7\)"):
            keras_resattn.cifar.Attention56(input_shape=(3, 16, 7))
    finally:
        keras.config.set_image_data_format(before)
    first.set_weights(last.get_weights())
    x = np.random.rand(2, 16, 15, 3)
    np.testing.assert_allclose(
        first.predict(x.transpose(0, 3, 1, 2), verbose=0),
        last.predict(x, verbose=0),
        atol=1e-5,
    )
