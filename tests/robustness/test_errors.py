"""What cannot be is an error that says what can."""

import pytest

import keras_resattn
from keras_resattn import Stage
from keras_resattn.builder.stages import usable_mask_depth
from keras_resattn.layers import SoftMaskBranch
from tests.robustness.networks import NETWORKS
from tests.robustness.networks import SMALLEST
from tests.robustness.networks import build


@pytest.mark.parametrize("name", ["attention57", "", None, 56, "resnet", "attention*"])
def test_an_unknown_name(name):
    known = "'attention56'.*'cifar_attention56'.*'resnext101'"
    with pytest.raises(ValueError, match=f"Choose one of .*{known}.*Received: name="):
        keras_resattn.create_model(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_an_image_too_small_names_the_smallest_size_that_works(name):
    smallest = SMALLEST[name]
    # One dimension is enough, and another that is open excuses nothing.
    too_small = [
        (smallest - 1, smallest - 1),
        (smallest - 1, 500),
        (500, smallest - 1),
        (None, smallest - 1),
        (1, 1),
    ]
    for size in too_small:
        message = rf"at least {smallest}x{smallest}\. Received: .*{size[0]}, {size[1]}"
        with pytest.raises(ValueError, match=message):
            build(name, size)


@pytest.mark.parametrize("size", [(0, 32), (-32, 32), (32.5, 32), ("32", 32)])
@pytest.mark.parametrize("name", NETWORKS)
def test_an_impossible_size(name, size):
    with pytest.raises(ValueError, match=r"positive integer.*Received: input_shape="):
        build(name, size)


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_a_mask_with_more_poolings_than_room_names_the_smallest_map(depth):
    smallest = 2**depth
    message = f"at least {smallest}x{smallest}.*Received: .*depth={depth}"
    with pytest.raises(ValueError, match=message):
        SoftMaskBranch(4, depth).build((None, smallest - 1, 64, 4))
    SoftMaskBranch(4, depth).build((None, smallest, smallest, 4))


@pytest.mark.parametrize(
    ("size", "depth"), [(2, 1), (3, 1), (4, 1), (8, 2), (15, 2), (16, 3), (64, 5)]
)
def test_a_stage_with_more_poolings_than_room_has_as_many_as_fit(size, depth):
    assert usable_mask_depth(9, (None, size, size + 1, 16)) == depth
    model = keras_resattn.ResidualAttentionNetwork(
        [Stage(filters=4, strides=1, modules=1, mask_depth=9)],
        stem="cifar",
        input_shape=(size, size + 1, 1),
        classes=2,
    )
    assert model.get_layer("stage1_attention1_mask").depth == depth


def test_stages_that_halve_the_map_away_name_the_smallest_size():
    stages = [Stage(4, 2, 1, mask_depth=3), Stage(4, 4, 1), Stage(4, 2, 0)]
    arguments = {"stages": stages, "stem": "cifar", "classes": 2}
    with pytest.raises(ValueError, match="at least 16x16"):
        keras_resattn.ResidualAttentionNetwork(**arguments, input_shape=(15, 16, 1))
    model = keras_resattn.ResidualAttentionNetwork(**arguments, input_shape=(16, 16, 1))
    assert model.output_shape == (None, 2)
