import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import Stage
from tests.documentation import python_examples


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


@pytest.mark.one_backend
def test_a_documented_unit_of_ones_own_is_saved_and_loaded(tmp_path):
    names = {}
    for example in python_examples("networks.md"):
        exec(example, names)
    model, images = names["model"], np.random.rand(2, 32, 32, 3)
    assert type(model.get_layer("stage1_unit1")) is names["PlainUnit"]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("multiplier", "unit", "stem", "filters"),
    [
        (1, "pre_activation", 16, [16, 32]),
        (2, "pre_activation", 32, [32, 64]),
        (1.3, "pre_activation", 24, [24, 40]),
        (0.1, "pre_activation", 8, [8, 8]),
        (3, "resnext", 48, [64, 128]),
    ],
)
def test_width_multiplier(multiplier, unit, stem, filters):
    model = build(width_multiplier=multiplier, unit=unit)
    assert model.get_layer("stem_conv").filters == stem
    assert [model.get_layer(f"stage{i}_unit1").filters for i in (1, 2)] == filters


def test_stochastic_depth_grows_with_depth_and_spares_the_masks():
    model = build(stochastic_depth=0.6)
    names = [
        "stage1_unit1",
        "stage1_attention1_trunk",
        "stage1_attention2_post1",
        "stage2_unit1",
        "stage2_attention1_pre1",
        "stage2_unit2",
    ]
    rates = [model.get_layer(name).drop_rate for name in names]
    np.testing.assert_allclose(rates, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    mask = model.get_layer("stage2_attention1_mask")
    assert mask.bottom.units[0].drop_rate == 0
    x = np.random.rand(4, 32, 32, 1)
    calm = build()
    calm.set_weights([w for w in model.get_weights() if w.dtype == "float32"])
    np.testing.assert_allclose(
        model.predict(x, verbose=0), calm.predict(x, verbose=0), atol=1e-5
    )
    assert np.isfinite(keras.ops.convert_to_numpy(model(x, training=True))).all()


@pytest.mark.one_backend
def test_dropout_before_the_classifier():
    model = build(dropout=0.25)
    assert [layer.name for layer in model.layers[-3:]] == [
        "avg_pool",
        "dropout",
        "predictions",
    ]
    assert model.get_layer("dropout").rate == 0.25


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width_multiplier": 0}, "greater than 0. Received: width_multiplier=0"),
        ({"stochastic_depth": 1}, "less than 1. Received: stochastic_depth=1"),
        ({"dropout": -0.5}, "less than 1. Received: dropout=-0.5"),
        ({"attention": "hard"}, "'naive', 'none'.*Received: attention='hard'"),
        ({"mask_structure": "u"}, "'local'.*Received: mask_structure='u'"),
        ({"mask_activation": "relu"}, "'spatial'.*Received: activation='relu'"),
        ({"p": -1}, "0 or more. Received: p=-1"),
        ({"stages": [Stage(16, 1, -1)]}, "0 or more. Received: modules=-1"),
        ({"stages": [Stage(16, 0, 1)]}, "positive integer. Received: strides=0"),
        ({"stages": [Stage(18, 1, 1)]}, "multiple of 4 .*Received: filters=18"),
        (
            {"input_shape": (3, 32, 1)},
            r"must be at least 4x4. Received: input_shape=\(3, 32, 1\)",
        ),
        (
            {"stages": [Stage(16, 2, 0), Stage(16, 2, 1)], "input_shape": (7, 7, 1)},
            "must be at least 8x8",
        ),
    ],
)
def test_arguments_out_of_range_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(**arguments)


@pytest.mark.one_backend
@pytest.mark.parametrize("size", [4, 5, 7])
def test_the_smallest_size_works(size):
    model = build(input_shape=(size, size, 1))
    x = np.random.rand(2, size, size, 1)
    assert np.isfinite(model.predict(x, verbose=0)).all()


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
    with pytest.raises(
        ValueError, match="one of 'attention56', .*Received: name='resnet'"
    ):
        keras_resattn.create_model("resnet")


@pytest.mark.parametrize("mask_structure", ["encoder_decoder", "local"])
@pytest.mark.parametrize("unit", ["pre_activation", "resnext", "inception"])
def test_a_frozen_network_stays_frozen_in_files_and_copies(
    unit, mask_structure, tmp_path
):
    body = keras_resattn.ResidualAttentionNetwork(
        [Stage(64, 2, 1, mask_depth=2)],
        "cifar",
        t=1,
        unit=unit,
        mask_structure=mask_structure,
        stochastic_depth=0.1,
        include_top=False,
        pooling="avg",
        input_shape=(8, 8, 1),
    )
    body.trainable = False
    model = keras.Sequential([keras.Input((8, 8, 1)), body, keras.layers.Dense(2)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    copy = keras.models.clone_model(model, recursive=True)
    for one in (model, loaded, copy):
        assert len(one.trainable_weights) == 2
    # A body whose layers are released is trained as a whole.
    for one in (body, loaded.layers[0], copy.layers[0]):
        for layer in one.layers:
            layer.trainable = True
    counts = {len(one.trainable_weights) for one in (model, loaded, copy)}
    assert len(counts) == 1 and counts.pop() > 20


@pytest.mark.parametrize("kind", ["tuple", "mapping"])
def test_stages_can_be_tuples_and_mappings(kind):
    stage = Stage(16, 2, 1)
    given = tuple(stage) if kind == "tuple" else stage._asdict()
    model = keras_resattn.ResidualAttentionNetwork(
        [given], "cifar", input_shape=(8, 8, 1)
    )
    assert model.get_layer("stage1_unit1").filters == 16
    network = keras_resattn.cifar.Attention56(stages=[given], input_shape=(8, 8, 1))
    assert network.get_layer("stage1_unit1").filters == 16


@pytest.mark.parametrize("stage", [(8, 1), {"filters": 8, "depth": 1}, 8, "8"])
def test_something_else_than_a_stage_is_an_error(stage):
    with pytest.raises(ValueError, match="A stage is .*Received: "):
        build(stages=[stage])
