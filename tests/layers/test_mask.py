import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from keras_resattn.layers import LocalMaskBranch
from keras_resattn.layers import SoftMaskBranch
from keras_resattn.layers.mask import MASK_ACTIVATIONS
from tests.layers.checks import check_channels_first
from tests.layers.checks import check_layer
from tests.layers.checks import images
from tests.layers.checks import to_numpy


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_checklist(depth):
    def make(**kwargs):
        return SoftMaskBranch(8, depth, **kwargs)

    check_layer(make, images(2, 16, 17, 8), (2, 16, 17, 8))
    check_channels_first(make, images(2, 16, 17, 8))


@pytest.mark.parametrize("activation", ["channel", "spatial"])
def test_checklist_of_the_other_activations(activation):
    def make(**kwargs):
        return SoftMaskBranch(8, 1, activation=activation, **kwargs)

    check_layer(make, images(2, 9, 8, 8), (2, 9, 8, 8))
    check_channels_first(make, images(2, 9, 8, 8))


def test_activations_are_the_equations_of_the_paper():
    x = images(2, 5, 6, 7) * 3 + 1
    sigmoid = {"mixed": x, "spatial": (x - x.mean((1, 2))[:, None, None])}
    sigmoid["spatial"] = sigmoid["spatial"] / x.std((1, 2))[:, None, None]
    expected = {name: 1 / (1 + np.exp(-values)) for name, values in sigmoid.items()}
    expected["channel"] = x / np.linalg.norm(x, axis=-1, keepdims=True)
    assert set(expected) == set(MASK_ACTIVATIONS)
    for name, activation in MASK_ACTIVATIONS.items():
        y = to_numpy(activation(keras.ops.convert_to_tensor(x), "channels_last"))
        np.testing.assert_allclose(y, expected[name], atol=1e-4)


def test_an_unknown_activation_is_an_error():
    with pytest.raises(ValueError, match="'channel'.*Received: activation='softmax'"):
        SoftMaskBranch(8, 1, activation="softmax")


def test_units_that_end_activated_need_no_normalization_before_the_output():
    branch = SoftMaskBranch(64, 1, unit="resnext")
    branch.build((None, 8, 8, 64))
    assert branch.bn1 is None
    assert branch(images(1, 8, 8, 64)).shape == (1, 8, 8, 64)


@settings(deadline=None, max_examples=8)
@given(
    st.integers(4, 13),
    st.integers(4, 13),
    st.floats(-100, 100, width=32),
    st.integers(0, 99),
)
def test_values_lie_in_0_to_1_at_any_size(height, width, scale, seed):
    mask = SoftMaskBranch(4, depth=2)(scale * images(1, height, width, 4, seed=seed))
    mask = to_numpy(mask)
    assert mask.shape == (1, height, width, 4)
    assert (mask >= 0).all()
    assert (mask <= 1).all()


@pytest.mark.parametrize(
    ("depth", "r", "units"),
    [
        (1, 1, 2),  # down, bottom
        (2, 1, 5),  # 2 down, bottom, skip, up
        (3, 1, 8),  # 3 down, bottom, 2 skips, 2 up
        (3, 3, 20),  # 3 x 3 down, 3 at the bottom, 2 skips, 2 x 3 up
    ],
)
def test_number_of_units(depth, r, units):
    branch = SoftMaskBranch(8, depth, r)
    branch.build((None, 32, 32, 8))
    three_by_three = [w for w in branch.weights if w.shape[:2] == (3, 3)]
    assert len(three_by_three) == units


def test_every_weight_moves_the_mask():
    # Each trainable weight, changed alone, must change the output.
    keras.utils.set_random_seed(0)
    branch = SoftMaskBranch(32, depth=2)
    x = images(2, 8, 8, 32)
    branch.build(x.shape)
    for weight in branch.trainable_weights:
        if weight.path.endswith("beta"):  # no ReLU is dead, no sigmoid saturated
            weight.assign(np.ones(weight.shape))
    branch.conv2.kernel.assign(0.1 * to_numpy(branch.conv2.kernel))
    before = to_numpy(branch(x))
    rng = np.random.default_rng(1)
    for weight in branch.trainable_weights:
        value = to_numpy(weight)
        weight.assign(value + rng.uniform(0.1, 0.5, value.shape))
        assert np.abs(to_numpy(branch(x)) - before).max() > 1e-5, weight.path
        weight.assign(value)


def test_a_unit_of_ones_own():
    @keras.saving.register_keras_serializable(package="tests")
    class PlainUnit(keras.layers.Layer):
        def __init__(self, filters, strides=1, data_format=None, **kwargs):
            super().__init__(**kwargs)
            self.convolution = keras.layers.Conv2D(
                filters, 3, strides, "same", data_format=data_format
            )

        def build(self, input_shape):
            self.convolution.build(input_shape)

        def call(self, inputs):
            return self.convolution(inputs)

    branch = SoftMaskBranch(6, depth=2, unit=PlainUnit)
    assert branch(images(1, 8, 8, 6)).shape == (1, 8, 8, 6)
    again = SoftMaskBranch.from_config(branch.get_config())
    assert again.unit is PlainUnit


@pytest.mark.parametrize("name", ["filters", "depth", "r"])
def test_counts_out_of_range_are_errors(name):
    arguments = {"filters": 8, "depth": 1, "r": 1, name: 0}
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}=0"):
        SoftMaskBranch(**arguments)


@pytest.mark.parametrize(("size", "depth"), [((7, 30), 3), ((30, 3), 2)])
def test_more_poolings_than_a_map_has_room_for_are_an_error(size, depth):
    message = f"at least {2**depth}x{2**depth}.*Received: .*depth={depth}"
    with pytest.raises(ValueError, match=message):
        SoftMaskBranch(8, depth).build((None, *size, 8))


@pytest.mark.parametrize("unit", ["pre_activation", "resnext"])
def test_local_checklist(unit):
    def make(**kwargs):
        return LocalMaskBranch(64, depth=2, unit=unit, **kwargs)

    check_layer(make, images(2, 7, 6, 64), (2, 7, 6, 64))
    check_channels_first(make, images(2, 7, 6, 64))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_local_branch_has_the_papers_three_units(depth):
    assert LocalMaskBranch(64, depth).count == 3


def test_a_local_branch_sees_no_further_than_its_units():
    branch = LocalMaskBranch(8, depth=3)
    x = images(1, 17, 17, 8)
    before = to_numpy(branch(x))
    x[0, 0, 0] += 10
    changed = np.abs(to_numpy(branch(x)) - before).max((0, 3)) > 0
    assert changed[0, 0]
    assert not changed[4:].any()  # three 3x3 convolutions reach three rows
    assert not changed[:, 4:].any()
