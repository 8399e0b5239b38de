import keras
import numpy as np
import pytest

from keras_resattn.baselines import InceptionResNetV1
from keras_resattn.baselines.inception_resnet_v1 import ScaledResidual


def images(*shape):
    return np.random.default_rng(0).random(shape, "float32")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return InceptionResNetV1(input_shape=(75, 76, 3), classes=3)


@pytest.mark.one_backend
def test_the_graph_reads_like_the_figures_of_the_paper():
    model = InceptionResNetV1()
    maps = {
        "stem_conv1_relu": (149, 149, 32),
        "stem_conv2_relu": (147, 147, 32),
        "stem_conv3_relu": (147, 147, 64),
        "stem_pool": (73, 73, 64),
        "stem_conv4_relu": (73, 73, 80),
        "stem_conv5_relu": (71, 71, 192),
        "stem_conv6_relu": (35, 35, 256),
        "block_a5_relu": (35, 35, 256),
        "reduction_a_concatenate": (17, 17, 896),
        "block_b10_relu": (17, 17, 896),
        "reduction_b_concatenate": (8, 8, 1792),
        "block_c5_relu": (8, 8, 1792),
        "block_c6_residual": (8, 8, 1792),
        "avg_pool": (1792,),
        "bottleneck_bn": (512,),
        "predictions": (1000,),
    }
    assert {n: model.get_layer(n).output.shape[1:] for n in maps} == maps
    assert "block_c6_relu" not in [layer.name for layer in model.layers]


@pytest.mark.one_backend
def test_gradients_reach_every_weight(model):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        outputs = model(images(8, 75, 76, 3), training=True)
        loss = -tf.reduce_mean(tf.math.log(outputs[:, 0]))
    gradients = tape.gradient(loss, model.trainable_weights)
    without = [
        weight.path
        for weight, gradient in zip(model.trainable_weights, gradients, strict=True)
        if gradient is None or not np.any(gradient)
    ]
    assert without == []


@pytest.mark.one_backend
def test_channels_first_is_the_same(model):
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        first = InceptionResNetV1(input_shape=(3, 75, 76), classes=3)
    finally:
        keras.config.set_image_data_format(before)
    first.set_weights(model.get_weights())
    x = images(2, 75, 76, 3)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(first(x.transpose(0, 3, 1, 2))),
        keras.ops.convert_to_numpy(model(x)),
        atol=1e-5,
    )


@pytest.mark.one_backend
def test_an_input_tensor_takes_the_place_of_the_input():
    pixels = keras.Input((80, 75, 1), name="pixels")
    model = InceptionResNetV1(
        include_top=False,
        input_tensor=keras.layers.Rescaling(1 / 255)(pixels),
        pooling="avg",
    )
    assert [image.name for image in model.inputs] == ["pixels"]
    assert model.output_shape == (None, 1792)
    with pytest.raises(ValueError, match=r"Received: input_shape=\(80, 80, 1\)"):
        InceptionResNetV1(input_tensor=pixels, input_shape=(80, 80, 1))


@pytest.mark.slow
@pytest.mark.one_backend
@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_saved_and_loaded_it_is_the_same(model, tmp_path, name):
    path = str(tmp_path / name)
    x = images(2, 75, 76, 3)
    expected = keras.ops.convert_to_numpy(model(x))
    model.save(path) if name == "model.keras" else model.save_weights(path)
    loaded = [InceptionResNetV1(input_shape=(75, 76, 3), classes=3, weights=path)]
    if name == "model.keras":
        loaded.append(keras.saving.load_model(path))
    for again in loaded:
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(again(x)), expected)


@pytest.mark.one_backend
def test_its_classifier_is_not_its_first_dense_layer(model, tmp_path):
    path = str(tmp_path / "model.weights.h5")
    model.save_weights(path)
    same = InceptionResNetV1(input_shape=(75, 76, 3), classes=3, weights=path)
    with pytest.warns(UserWarning, match="has 5 classes and that of the weights 3"):
        tuned = InceptionResNetV1(input_shape=(75, 76, 3), classes=5, weights=path)
    for ours, theirs in zip(same.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    *body, _kernel, _bias = tuned.get_weights()
    for ours, theirs in zip(body, model.get_weights(), strict=False):
        np.testing.assert_array_equal(ours, theirs)


def test_a_scaled_residual_adds_a_part():
    layer = ScaledResidual(0.5, name="sum")
    x, residual = images(2, 3, 3, 4), images(2, 3, 3, 4)[::-1].copy()
    outputs = keras.ops.convert_to_numpy(layer([x, residual]))
    np.testing.assert_allclose(outputs, x + 0.5 * residual, atol=1e-6)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert again.get_config() == layer.get_config()
