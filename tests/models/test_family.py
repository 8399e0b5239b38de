"""Every named network: its size, its arguments, its documentation."""

import functools
import inspect

import keras
import numpy as np
import pytest

import keras_resattn

NAMES = [name for name in keras_resattn.list_models() if name != "tiny"]


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@functools.cache
def built(name):
    """Return a network with its default arguments, built once. Do not change it."""
    return keras_resattn.create_model(name)


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("name", "trainable_count", "moving"),
    [
        ("attention92", 52_466_344, 133_632),
        ("attention_next56", 31_318_824, 98_432),
        ("attention_next92", 52_102_952, 171_136),
        ("attention_inception56", 31_853_256, 80_864),
    ],
)
def test_imagenet_counts_are_the_authors(name, trainable_count, moving):
    model = built(name)
    assert trainable(model) == trainable_count
    assert model.count_params() == trainable_count + moving


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("depth", "classes", "count"),
    [
        (92, 10, 1_841_274),
        (92, 100, 1_864_404),
        (128, 10, 2_652_154),
        (164, 10, 3_463_034),
        pytest.param(128, 100, 2_675_284, marks=pytest.mark.slow),
        pytest.param(164, 100, 3_486_164, marks=pytest.mark.slow),
        pytest.param(236, 10, 5_084_794, marks=pytest.mark.slow),
        pytest.param(236, 100, 5_107_924, marks=pytest.mark.slow),
        pytest.param(452, 10, 10_181_242, marks=pytest.mark.slow),
        pytest.param(452, 100, 10_204_372, marks=pytest.mark.slow),
    ],
)
def test_cifar_counts(depth, classes, count):
    network = getattr(keras_resattn.cifar, f"Attention{depth}")
    name = f"cifar_attention{depth}"
    model = built(name) if classes == 10 else network(classes=classes)
    assert trainable(model) == count


QUICK = ("attention_inception56", "cifar_attention56", "cifar_attention92")


@pytest.mark.one_backend
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in NAMES
    ],
)
def test_the_facts_of_a_network_are_what_its_graph_has(name):
    info = keras_resattn.model_info(name)
    model = built(name)
    counted = keras_resattn.complexity(model)
    assert counted.parameters == info.parameters
    assert counted.multiply_adds == info.multiply_adds
    assert counted.size == (info.default_size, info.default_size)
    assert model.output_shape == (None, info.classes)


def test_multiply_adds_of_the_reconstructions_are_the_printed():
    # 6.3 G for AttentionInception-56.
    info = keras_resattn.model_info("attention_inception56")
    assert round(info.multiply_adds / 1e9, 1) == 6.3
    assert round(info.parameters / 1e6, 1) == 31.9


@pytest.mark.one_backend
@pytest.mark.parametrize(
    "network", [keras_resattn.cifar.Attention56, keras_resattn.AttentionNeXt56]
)
def test_a_local_mask_costs_about_what_a_soft_mask_does(network):
    soft, local = (
        keras_resattn.complexity(network(mask_structure=structure))
        for structure in ("encoder_decoder", "local")
    )
    assert 0.95 < local.multiply_adds / soft.multiply_adds < 1.05


@pytest.mark.parametrize("name", NAMES)
def test_arguments_begin_with_those_of_keras_applications(name):
    ours = inspect.signature(keras_resattn.model_info(name).network).parameters
    theirs = list(inspect.signature(keras.applications.ResNet50).parameters)
    assert list(ours)[: len(theirs)] == theirs
    assert (
        inspect.signature(keras_resattn.model_info(name).network)
        .parameters["name"]
        .default
        == name
    )


def test_attention_networks_take_the_papers_ablations():
    model = keras_resattn.cifar.Attention56(
        input_shape=(8, 8, 1),
        classes=2,
        p=2,
        t=1,
        r=2,
        unit="inception",
        width_multiplier=0.5,
        stochastic_depth=0.2,
        dropout=0.3,
    )
    layers = {layer.name: layer for layer in model.layers}
    unit = layers["stage1_attention1_pre2"]
    assert (type(unit).__name__, unit.filters) == ("InceptionUnit", 32)
    assert layers["stage1_attention1_trunk"].count == 1
    assert layers["stage1_attention1_mask"].r == 2
    assert layers["stage3_unit2"].drop_rate == 0.2
    assert layers["dropout"].rate == 0.3


@pytest.mark.one_backend
def test_residual_networks_take_the_arguments_without_a_module():
    model = keras_resattn.baselines.ResNet164(
        input_shape=(8, 8, 1), classes=2, width_multiplier=0.5, dropout=0.3
    )
    assert model.get_layer("stage1_unit1").filters == 32
    with pytest.raises(TypeError, match=r"ResNet164\(\) .*'p'.*are 'include_top', "):
        keras_resattn.baselines.ResNet164(p=2)


@pytest.mark.parametrize("name", NAMES)
def test_every_default_is_known(name):
    signature = inspect.signature(keras_resattn.model_info(name).network)
    assert ... not in [each.default for each in signature.parameters.values()]


def test_an_unknown_argument_is_an_error():
    with pytest.raises(TypeError, match=r"Attention56\(\) .*'clases'.*Received: 0 po"):
        keras_resattn.Attention56(clases=3)


@pytest.mark.parametrize("name", NAMES)
def test_documentation_names_the_network_and_its_path(name):
    network = keras_resattn.model_info(name).network
    path = f"{network.__module__}.{network.__name__}"
    assert path.startswith("keras_resattn.")
    assert (
        getattr(
            eval(network.__module__, {"keras_resattn": keras_resattn}), network.__name__
        )
        is network
    )
    assert f">>> model = {path}()" in inspect.getdoc(network)
    assert max(map(len, network.__doc__.splitlines())) <= 88


def test_networks_are_listed_by_a_pattern():
    assert keras_resattn.list_models("attention_next*") == [
        "attention_next56",
        "attention_next92",
    ]
    assert keras_resattn.list_models("resnet*") == ["resnet152", "resnet200"]
    assert keras_resattn.list_models("vgg*") == []


@pytest.mark.parametrize("name", ["Attention-92", "attention92", "Attention92"])
def test_a_name_may_be_spelt_as_in_the_paper(name):
    assert keras_resattn.model_info(name).parameters == 52_466_344


def test_an_unknown_name_is_an_error():
    with pytest.raises(ValueError, match="'attention56'.*Received: name='attention'"):
        keras_resattn.model_info("attention")


@pytest.mark.one_backend
@pytest.mark.parametrize("attention", ["residual", "naive", "none"])
@pytest.mark.parametrize("mask_activation", ["mixed", "channel", "spatial"])
def test_attention_and_mask_activation_reach_the_modules(attention, mask_activation):
    model = keras_resattn.cifar.Attention56(
        input_shape=(8, 8, 1),
        classes=2,
        attention=attention,
        mask_activation=mask_activation,
    )
    layers = {layer.name: layer for layer in model.layers}
    assert ("stage1_attention1_mask" in layers) == (attention != "none")
    assert ("stage1_attention1_naive" in layers) == (attention == "naive")
    if attention != "none":
        mask = layers["stage3_attention1_mask"]
        assert mask.activation == mask_activation
    assert model.predict(np.random.rand(2, 8, 8, 1), verbose=0).shape == (2, 2)


def test_a_network_of_resnext_units_ends_without_normalization():
    model = keras_resattn.AttentionNeXt56(input_shape=(32, 32, 3), classes=2)
    names = [layer.name for layer in model.layers]
    assert "post_bn" not in names
    assert names[-3:] == ["stage4_unit3", "avg_pool", "predictions"]
