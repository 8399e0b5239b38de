import keras
import pytest

import keras_resattn
from keras_resattn import Stage


def build(**arguments):
    settings = {
        "stages": [Stage(16, 1, 2, mask_depth=1), Stage(32, 2, 1, closing_units=1)],
        "stem": "cifar",
        "input_shape": (32, 32, 1),
        "classes": 2,
    }
    return keras_resattn.ResidualAttentionNetwork(**{**settings, **arguments})


def test_stages_have_their_modules_and_closing_units():
    names = [layer.name for layer in build().layers]
    assert [n for n in names if n.endswith("_mask")] == [
        "stage1_attention1_mask",
        "stage1_attention2_mask",
        "stage2_attention1_mask",
    ]
    assert [n for n in names if "_unit" in n] == [
        "stage1_unit1",
        "stage2_unit1",
        "stage2_unit2",
    ]


def test_p_t_and_r_reach_the_modules():
    model = build(p=2, t=3, r=2)
    assert model.get_layer("stage1_attention1_pre2")
    assert model.get_layer("stage2_attention1_post2")
    assert model.get_layer("stage1_attention1_trunk").count == 3
    assert model.get_layer("stage1_attention1_mask").r == 2


def test_a_unit_of_ones_own_builds_the_network_and_is_saved(tmp_path):
    @keras.saving.register_keras_serializable(package="tests")
    class WideUnit(keras_resattn.layers.PreActivationUnit):
        pass

    model = build(unit=WideUnit)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.get_layer("stage1_unit1"), WideUnit)
    assert all(
        isinstance(unit, WideUnit)
        for unit in loaded.get_layer("stage1_attention1_mask").bottom.units
    )


def test_an_unknown_stem_is_an_error():
    with pytest.raises(ValueError, match="'imagenet', 'cifar'.*Received: stem='mnist'"):
        build(stem="mnist")


def test_models_by_name():
    assert {"attention56", "cifar_attention56"} <= set(keras_resattn.list_models())
    model = keras_resattn.create_model(
        "cifar_attention56", input_shape=(8, 8, 1), classes=2
    )
    assert model.output_shape == (None, 2)


def test_an_unknown_model_is_an_error():
    with pytest.raises(ValueError, match=r"\['attention56'.*Received: name='resnet'"):
        keras_resattn.create_model("resnet")
