import keras
import numpy as np
import pytest

from keras_resattn.layers import InceptionUnit
from keras_resattn.layers import PreActivationUnit
from keras_resattn.layers import ResNeXtUnit
from keras_resattn.layers import UnitChain
from keras_resattn.layers.units import get_unit
from keras_resattn.layers.units import unit_name
from tests.layers.checks import check_channels_first
from tests.layers.checks import check_layer
from tests.layers.checks import images
from tests.layers.checks import randomize
from tests.layers.checks import to_numpy

JIT_COMPILE = keras.backend.backend() == "jax"


@pytest.mark.parametrize(
    ("filters", "strides", "output_shape"),
    [(8, 1, (2, 7, 6, 8)), (16, 1, (2, 7, 6, 16)), (8, 2, (2, 4, 3, 8))],
)
def test_checklist(filters, strides, output_shape):
    def make(**kwargs):
        return PreActivationUnit(filters, strides, **kwargs)

    check_layer(make, images(2, 7, 6, 8), output_shape)
    check_channels_first(make, images(2, 7, 6, 8))


@pytest.mark.parametrize(
    ("filters", "strides", "output_shape"),
    [(8, 1, (2, 7, 6, 8)), (16, 1, (2, 7, 6, 16)), (8, 2, (2, 4, 3, 8))],
)
def test_resnext_checklist(filters, strides, output_shape):
    def make(**kwargs):
        return ResNeXtUnit(filters, strides, groups=2, **kwargs)

    check_layer(make, images(2, 7, 6, 8), output_shape)
    check_channels_first(make, images(2, 7, 6, 8))


@pytest.mark.parametrize(
    ("filters", "strides", "output_shape"),
    [(32, 1, (2, 7, 6, 32)), (64, 1, (2, 7, 6, 64)), (32, 2, (2, 4, 3, 32))],
)
def test_inception_checklist(filters, strides, output_shape):
    def make(**kwargs):
        return InceptionUnit(filters, strides, **kwargs)

    check_layer(make, images(2, 7, 6, 32), output_shape)
    check_channels_first(make, images(2, 7, 6, 32))


@pytest.mark.parametrize(
    "unit",
    [PreActivationUnit(16, 2), ResNeXtUnit(32, groups=4), InceptionUnit(32, 2)],
    ids=lambda unit: type(unit).__name__,
)
def test_gradients_reach_every_weight_of_a_unit(unit):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8, 8, 32)), unit])
    # A sum of squares is felt by every map; a mean's steps round to nothing.
    model.compile(
        keras.optimizers.SGD(0.1),
        lambda y_true, y_pred: keras.ops.sum(keras.ops.square(y_pred)) / 100,
        jit_compile=JIT_COMPILE,
    )
    before = [to_numpy(weight) for weight in model.trainable_weights]
    model.train_on_batch(images(4, 8, 8, 32), np.zeros(4))
    for old, new in zip(before, model.trainable_weights, strict=True):
        assert not np.array_equal(old, to_numpy(new)), new.path


@pytest.mark.parametrize("unit", [PreActivationUnit, ResNeXtUnit, InceptionUnit])
def test_stochastic_depth_drops_the_branch_of_whole_samples_in_training(unit):
    keras.utils.set_random_seed(0)
    layer, x = unit(64, drop_rate=0.5), np.abs(images(40, 4, 4, 64))
    kept = np.abs(to_numpy(layer(x, training=True)) - x).max((1, 2, 3)) > 1e-6
    assert 8 <= kept.sum() <= 32
    assert "drop_rate" in layer.get_config()
    whole = unit(64)
    whole.build(x.shape)
    whole.set_weights([to_numpy(w) for w in layer.weights[: len(whole.weights)]])
    np.testing.assert_allclose(
        to_numpy(layer(x, training=False)), to_numpy(whole(x)), atol=1e-5
    )


@pytest.mark.parametrize("bad", [-0.1, 1, "0.5", True])
def test_a_drop_rate_out_of_range_is_an_error(bad):
    with pytest.raises(ValueError, match=f"less than 1. Received: drop_rate={bad!r}"):
        PreActivationUnit(8, drop_rate=bad)


@pytest.mark.parametrize(("filters", "groups"), [(32, 32), (65, 1), (100, 4)])
def test_resnext_filters_that_do_not_divide_are_an_error(filters, groups):
    message = f"multiple of {2 * groups}.*Received: filters={filters}"
    with pytest.raises(ValueError, match=message):
        ResNeXtUnit(filters, groups=groups)


def test_chain_checklist():
    def make(**kwargs):
        return UnitChain(16, count=3, **kwargs)

    check_layer(make, images(2, 7, 6, 8), (2, 7, 6, 16))
    check_channels_first(make, images(2, 7, 6, 8))


def normalized(x, bn):
    gamma, beta, mean, variance = bn.get_weights()
    return np.maximum((x - mean) / np.sqrt(variance + 1e-5) * gamma + beta, 0)


def convolved(x, kernel, strides=1):
    """Convolve as Caffe does: symmetric zero padding, then the stride."""
    size = kernel.shape[0]
    pad = size // 2
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    height, width = ((n - size) // strides + 1 for n in x.shape[1:3])
    y = np.zeros((x.shape[0], height, width, kernel.shape[3]))
    for i in range(size):
        for j in range(size):
            rows = slice(i, i + strides * (height - 1) + 1, strides)
            columns = slice(j, j + strides * (width - 1) + 1, strides)
            y += x[:, rows, columns] @ kernel[i, j]
    return y


@pytest.mark.parametrize("filters", [8, 16])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("size", [(6, 8), (7, 5)])
def test_equals_the_definition(filters, strides, size):
    unit = PreActivationUnit(filters, strides)
    x = images(2, *size, 8)
    unit.build(x.shape)
    randomize(unit)
    kernel = {
        name: getattr(unit, name).get_weights()[0]
        for name in ("conv1", "conv2", "conv3", "projection")
        if getattr(unit, name) is not None
    }

    first = normalized(x, unit.bn1)
    y = convolved(first, kernel["conv1"])
    y = convolved(normalized(y, unit.bn2), kernel["conv2"], strides)
    y = convolved(normalized(y, unit.bn3), kernel["conv3"])
    changed = filters != 8 or strides > 1
    shortcut = convolved(first, kernel["projection"], strides) if changed else x

    np.testing.assert_allclose(to_numpy(unit(x)), y + shortcut, rtol=1e-4, atol=1e-4)


def test_nothing_has_a_bias():
    unit = PreActivationUnit(16, 2)
    unit.build((None, 8, 8, 8))
    names = [weight.path.split("/")[-1] for weight in unit.weights]
    assert "bias" not in names
    assert names.count("kernel") == 4


def test_moving_statistics_follow_with_momentum_0_9():
    unit = PreActivationUnit(8)
    x = images(4, 6, 6, 8) + 3
    unit(x, training=True)
    moving_mean = to_numpy(unit.bn1.moving_mean)
    np.testing.assert_allclose(moving_mean, 0.1 * x.mean((0, 1, 2)), rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 10}, "multiple of 4.*Received: filters=10"),
        ({"filters": 0}, "positive integer. Received: filters=0"),
        ({"filters": 8.5}, "positive integer. Received: filters=8.5"),
        ({"filters": 8, "strides": -1}, "positive integer. Received: strides=-1"),
        (
            {"filters": 8, "data_format": "NHWC"},
            "channels_first.*Received: data_format='NHWC'",
        ),
    ],
)
def test_arguments_out_of_range_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        PreActivationUnit(**arguments)


def test_unknown_channels_are_an_error():
    with pytest.raises(ValueError, match="channels of the input must be known"):
        PreActivationUnit(8).build((None, 8, 8, None))


def test_a_unit_is_found_by_name_by_class_and_by_registered_name():
    assert get_unit("pre_activation") is PreActivationUnit
    assert get_unit(PreActivationUnit) is PreActivationUnit
    assert get_unit("keras_resattn>PreActivationUnit") is PreActivationUnit
    assert unit_name(PreActivationUnit) == "pre_activation"


@pytest.mark.parametrize("bad", ["plain", int, None, keras.layers.Dense(1)])
def test_an_unknown_unit_is_an_error(bad):
    with pytest.raises(ValueError, match="'pre_activation'.*Received: unit="):
        get_unit(bad)
