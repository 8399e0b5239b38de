import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import Stage
from keras_resattn.layers import InceptionUnit
from keras_resattn.layers import PreActivationUnit
from keras_resattn.layers import ResNeXtUnit

STAGES = [Stage(64, 1, 1, mask_depth=2, closing_units=1)]
JIT_COMPILE = keras.backend.backend() == "jax"


def network(**arguments):
    return keras_resattn.ResidualAttentionNetwork(
        STAGES, "cifar", t=1, input_shape=(8, 8, 3), classes=3, **arguments
    )


def unit_network(unit, **arguments):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            unit(64, **arguments),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, "softmax"),
        ]
    )


def pair(build=network, **arguments):
    keras.utils.set_random_seed(0)
    plain = build(**arguments)
    keras.utils.set_random_seed(0)
    remat = build(remat=True, **arguments)
    remat.set_weights(plain.get_weights())
    return plain, remat


def trained(model, steps=2):
    """Return the losses of some steps, and what they make of all variables."""
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(6, 8, 8, 3)).astype("float32"), np.arange(6) % 3
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        "sparse_categorical_crossentropy",
        jit_compile=JIT_COMPILE,
    )
    losses = [float(model.train_on_batch(images, labels)) for _ in range(steps)]
    return losses, [keras.ops.convert_to_numpy(v.value) for v in model.variables]


def check_same(plain, remat):
    plain, remat = trained(plain), trained(remat)
    np.testing.assert_allclose(remat[0], plain[0], rtol=1e-5)
    for a, b in zip(plain[1], remat[1], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=2e-5)


def test_a_training_is_the_same():
    check_same(*pair())


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {"unit": "resnext"},
        {"unit": "inception"},
        {"mask_structure": "local"},
        {"stochastic_depth": 0.5},
    ],
    ids=str,
)
def test_a_training_of_other_networks_is_the_same(arguments):
    check_same(*pair(**arguments))


@pytest.mark.parametrize("drop_rate", [0, 0.5])
@pytest.mark.parametrize("unit", [PreActivationUnit, ResNeXtUnit, InceptionUnit])
def test_a_training_of_a_unit_is_the_same(unit, drop_rate):
    check_same(*pair(unit_network, unit=unit, drop_rate=drop_rate))


def test_a_training_is_the_same_in_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        models = pair(unit_network, unit=PreActivationUnit)
        plain, remat = (trained(model) for model in models)
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_allclose(remat[0], plain[0], rtol=1e-2)
    for a, b in zip(plain[1], remat[1], strict=True):
        np.testing.assert_allclose(b, a, rtol=3e-2, atol=3e-2)


def test_averages_move_once_a_step():
    _, remat = pair(unit_network, unit=PreActivationUnit)
    images = np.random.default_rng(0).normal(size=(6, 8, 8, 3))  # those of `trained`
    trained(remat, steps=1)
    average = keras.ops.convert_to_numpy(remat.layers[0].bn1.moving_mean.value)
    np.testing.assert_allclose(average, 0.1 * images.mean((0, 1, 2)), rtol=1e-4)


def test_predictions_are_the_same_and_weights_fit(tmp_path):
    plain, remat = pair()
    images = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    expected = plain.predict(images, verbose=0)
    np.testing.assert_allclose(remat.predict(images, verbose=0), expected, atol=1e-6)
    shapes = [[v.shape for v in model.variables] for model in (plain, remat)]
    assert shapes[0] == shapes[1]
    remat.save_weights(tmp_path / "remat.weights.h5")
    other = network(weights=tmp_path / "remat.weights.h5")
    np.testing.assert_allclose(other.predict(images, verbose=0), expected, atol=1e-6)


def test_remat_is_saved(tmp_path):
    _, remat = pair()
    remat.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    mask = loaded.get_layer("stage1_attention1_mask")
    units = [
        loaded.get_layer("stage1_unit1"),
        loaded.get_layer("stage1_unit2"),
        loaded.get_layer("stage1_attention1_pre1"),
        loaded.get_layer("stage1_attention1_trunk").units[0],
        mask.bottom.units[0],
        mask.skips[0],
        mask,
    ]
    assert all(layer.remat for layer in units)


def test_a_model_saved_before_there_was_remat_is_loaded():
    config = PreActivationUnit(8).get_config()
    del config["remat"]
    assert PreActivationUnit.from_config(config).remat is False


def test_named_networks_have_it():
    model = keras_resattn.cifar.Attention56(input_shape=(8, 8, 3), remat=True)
    assert model.get_layer("stage3_attention1_post1").remat


def test_a_unit_of_ones_own_need_not_know_of_it():
    @keras.saving.register_keras_serializable(package="tests")
    class Forgetful(PreActivationUnit):
        def __init__(self, filters, strides=1, data_format=None, **kwargs):
            assert "remat" not in kwargs
            super().__init__(filters, strides, data_format=data_format, **kwargs)

    assert network(unit=Forgetful).count_params() == network().count_params()


@pytest.mark.one_backend
@pytest.mark.parametrize("remat", [False, True])
def test_what_is_inside_is_computed_again_for_the_gradient(remat, monkeypatch):
    import tensorflow as tf

    unit = PreActivationUnit(8, remat=remat)
    x = tf.random.normal((2, 4, 4, 8))
    unit(x)
    calls = []
    for name in ("conv1", "conv2"):
        layer = getattr(unit, name)
        call = layer.call
        layer.call = lambda x, name=name, call=call: calls.append(name) or call(x)
    with tf.GradientTape() as tape:
        y = unit(x, training=True)
    assert calls == ["conv1", "conv2"]
    tape.gradient(y, unit.conv1.kernel.value)
    assert calls == ["conv1", "conv2"] * (2 if remat else 1)
