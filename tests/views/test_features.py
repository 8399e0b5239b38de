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
