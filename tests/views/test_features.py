import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import feature_maps
from keras_resattn import pyramid_outputs

IMAGES = np.random.default_rng(0).random((2, 16, 16, 1))


@pytest.mark.parametrize("attention", ["residual", "naive"])
def test_maps_are_those_of_the_fusion(attention):
    model = keras_resattn.create_model(
        "tiny", input_shape=(16, 16, 1), attention=attention
    )
    maps = feature_maps(model).predict(IMAGES, verbose=0)
    assert len(maps) == 6
    for i in (1, 2):
        trunk, mask, fused = (
            maps[f"stage{i}_attention1_{part}"] for part in ("trunk", "mask", "fused")
        )
        weight = mask if attention == "naive" else 1 + mask
        np.testing.assert_allclose(fused, weight * trunk, rtol=1e-4, atol=1e-4)


def test_trunks_alone_have_no_masks():
    model = keras_resattn.create_model(
        "tiny", input_shape=(16, 16, 1), attention="none"
    )
    with pytest.raises(ValueError, match="this model has none.*Received: model=<Func"):
        feature_maps(model)


@pytest.mark.parametrize("size", [None, 16])
def test_a_pyramid_of_small_images(size):
    model = keras_resattn.cifar.Attention56(
        include_top=False, input_shape=(size, size, 1)
    )
    pyramid = pyramid_outputs(model)
    assert [tensor.shape[-1] for tensor in pyramid.values()] == [64, 128, 256]
    outputs = keras.Model(model.inputs, pyramid).predict(IMAGES, verbose=0)
    assert {level: map.shape[1] for level, map in outputs.items()} == {
        "P0": 16,
        "P1": 8,
        "P2": 4,
    }
    np.testing.assert_array_equal(outputs["P2"], model.predict(IMAGES, verbose=0))


@pytest.mark.one_backend
@pytest.mark.parametrize("network", ["Attention56", "AttentionNeXt56"])
def test_a_pyramid_of_imagenet(network):
    model = getattr(keras_resattn, network)(include_top=False)
    pyramid = pyramid_outputs(model)
    assert {level: tensor.shape[-1] for level, tensor in pyramid.items()} == {
        "P2": 256,
        "P3": 512,
        "P4": 1024,
        "P5": 2048,
    }
    assert pyramid["P5"] is model.output


def test_a_model_without_stages_is_an_error():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="has none.*Received: model=<Sequential"):
        pyramid_outputs(model)


def stages(*strides, **options):
    return keras_resattn.ResidualAttentionNetwork(
        [keras_resattn.Stage(8, number, 1) for number in strides],
        "cifar",
        t=1,
        include_top=False,
        **options,
    )


def test_of_stages_of_one_size_the_last_is_in_the_pyramid():
    model = stages(1, 1, 2, input_shape=(16, 16, 1))
    pyramid = pyramid_outputs(model)
    assert list(pyramid) == ["P0", "P1"]
    last = model.get_layer("stage2_attention1_post1").output
    assert pyramid["P0"] is last


def test_strides_that_are_no_powers_of_two_are_an_error():
    with pytest.raises(ValueError, match="powers of two.*a map of 6 pixels of an im"):
        pyramid_outputs(stages(3, input_shape=(16, 16, 1)))


@pytest.mark.parametrize("size", [15, 17, 31, 33])
def test_odd_sizes_have_their_levels(size):
    pyramid = pyramid_outputs(stages(1, 2, 2, input_shape=(size, size, 1)))
    assert list(pyramid) == ["P0", "P1", "P2"]


def test_levels_count_from_the_resized_image_and_other_inputs_do_not_disturb():
    image, other = keras.Input((None, None, 1)), keras.Input((3,))
    body = stages(1, 2, input_shape=(16, 16, 1), pooling="avg")
    x = body(keras.layers.Resizing(16, 16)(image))
    x = keras.layers.Concatenate()([x, other])
    model = keras.Model([image, other], keras.layers.Dense(2)(x))
    assert list(pyramid_outputs(model)) == ["P0", "P1"]
