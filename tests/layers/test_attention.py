import keras
import numpy as np
import pytest

from keras_resattn.layers import AttentionResidualLearning
from keras_resattn.layers import NaiveAttentionLearning
from keras_resattn.layers import TrunkBranch
from keras_resattn.layers import attention_module
from tests.layers.checks import check_channels_first
from tests.layers.checks import check_layer
from tests.layers.checks import images
from tests.layers.checks import to_numpy


def test_trunk_checklist():
    def make(**kwargs):
        return TrunkBranch(16, t=2, **kwargs)

    check_layer(make, images(2, 7, 6, 8), (2, 7, 6, 16))
    check_channels_first(make, images(2, 7, 6, 8))


@pytest.mark.parametrize("t", [1, 2, 4])
def test_trunk_has_t_units(t):
    branch = TrunkBranch(8, t)
    branch.build((None, 8, 8, 8))
    assert len(branch.units) == t


@pytest.mark.parametrize("fusion", [AttentionResidualLearning, NaiveAttentionLearning])
def test_fusion_checklist(fusion):
    maps = [images(2, 7, 6, 8), images(2, 7, 6, 8, seed=1)]
    check_layer(lambda data_format=None, **kwargs: fusion(**kwargs), maps, (2, 7, 6, 8))


def test_naive_learning_is_mask_times_trunk():
    trunk, mask = images(2, 3, 3, 4), images(2, 3, 3, 4, seed=1)
    fused = to_numpy(NaiveAttentionLearning()([trunk, mask]))
    np.testing.assert_allclose(fused, mask * trunk, rtol=1e-6)


@pytest.mark.parametrize(
    ("attention", "last"), [("naive", ["mask", "naive"]), ("none", [])]
)
def test_module_with_other_attention(attention, last):
    inputs = keras.Input((8, 8, 8))
    outputs = attention_module(inputs, 8, mask_depth=1, attention=attention)
    names = [layer.name for layer in keras.Model(inputs, outputs).layers[1:]]
    middle = ["pre1", "trunk", *last, "post1"]
    assert names == [f"attention_{name}" for name in middle]


def test_unknown_attention_is_an_error():
    with pytest.raises(ValueError, match="'naive'.*Received: attention='squeeze'"):
        attention_module(keras.Input((8, 8, 8)), 8, 1, attention="squeeze")


def test_residual_learning_is_one_plus_mask_times_trunk():
    trunk, mask = images(2, 3, 3, 4), np.full((2, 3, 3, 4), 0.25, "float32")
    fused = to_numpy(AttentionResidualLearning()([trunk, mask]))
    np.testing.assert_allclose(fused, 1.25 * trunk, rtol=1e-6)
    unchanged = to_numpy(AttentionResidualLearning()([trunk, 0 * mask]))
    np.testing.assert_array_equal(unchanged, trunk)


@pytest.mark.parametrize("shapes", [[(1, 4, 4, 2), (1, 4, 4, 1)], [(1, 4, 4, 2)]])
def test_trunk_and_mask_of_other_shapes_are_an_error(shapes):
    with pytest.raises(ValueError, match="the trunk and the mask. Received"):
        AttentionResidualLearning()([images(*shape) for shape in shapes])


def test_module_in_a_network_of_ones_own():
    inputs = keras.Input((16, 16, 8))
    outputs = attention_module(inputs, 8, mask_depth=2, p=2, t=3, name="attend")
    model = keras.Model(inputs, outputs)
    assert [layer.name for layer in model.layers[1:]] == [
        "attend_pre1",
        "attend_pre2",
        "attend_trunk",
        "attend_mask",
        "attend_residual",
        "attend_post1",
        "attend_post2",
    ]
    assert model.predict(images(2, 16, 16, 8), verbose=0).shape == (2, 16, 16, 8)


def test_module_trunk_and_mask_see_the_same_map():
    inputs = keras.Input((8, 8, 8))
    model = keras.Model(inputs, attention_module(inputs, 8, mask_depth=1))
    trunk, mask = model.get_layer("attention_trunk"), model.get_layer("attention_mask")
    assert trunk.input is mask.input is model.get_layer("attention_pre1").output


def test_without_a_unit_before_it_the_branches_need_the_channels():
    inputs = keras.Input((8, 8, 16))
    with pytest.raises(ValueError, match=r"filters=16.*p=1.*Received: filters=8"):
        attention_module(inputs, 8, mask_depth=1, p=0)
