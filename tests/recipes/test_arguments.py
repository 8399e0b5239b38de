"""`network.arguments` is checked with file and line before anything is built."""

import inspect

import pytest
import yaml

from keras_resattn import cifar
from keras_resattn import zoo
from keras_resattn.recipes.arguments import network_options
from keras_resattn.recipes.files import load_recipe
from keras_resattn.recipes.settings import Recipe

RECIPE = """
base: demo
network:
  arguments:
    t: 1
    {name}: {value}
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    # Nothing is built: a network that is called would fail.
    def load(name, value, overrides=()):
        (tmp_path / "mine.yaml").write_text(RECIPE.format(name=name, value=value))
        monkeypatch.chdir(tmp_path)
        return load_recipe("mine.yaml", overrides)

    return load


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("dropuot", 0.1, "did you mean 'dropout'"),
        ("unrelated", 1, "choose one of 'attention', "),
        ("classes", 3, "takes no such argument"),
        ("p", -1, "`p` must be an integer, 0 or more"),
        ("r", 0, "`r` must be a positive integer"),
        ("dropout", 1.0, "`dropout` must be a number from 0"),
        ("stochastic_depth", "high", "`stochastic_depth` must be a number"),
        ("width_multiplier", 0, "`width_multiplier` must be a number greater"),
        ("unit", "vast", "`unit` must be one of"),
        ("stem", "large", r"`stem` must be one of 'imagenet', 'cifar'\."),
        ("stem", "[cifar]", r"`stem` must be one of"),
        ("mask_activation", "loud", "`mask_activation` must be one of"),
        ("remat", "maybe", r"`remat` must be one of True, False\."),
        ("name", 5, "`name` must be a text"),
        ("stages", 3, "`stages` must be a list of stages, such as"),
        ("stages", "[]", "`stages` must be a list of stages, such as"),
        ("stages", "[{filters: 8}]", "Stage 1 must be a mapping such as"),
        ("stages", "[[8, 1, 1]]", "Stage 1 must be a mapping such as"),
        (
            "stages",
            "[{filters: 8, strides: 1, modules: 1, depth: 2}]",
            "Stage 1 must be a mapping .*only `mask_depth`",
        ),
        (
            "stages",
            "[{filters: 8, strides: 1, modules: 1}, "
            "{filters: 8, strides: 1, modules: -1}]",
            "Stage 2: `modules` must be an integer, 0 or more",
        ),
        (
            "stages",
            "[{filters: 18, strides: 1, modules: 1}]",
            "Stage 1: `filters` must be a multiple of 4 .*PreActivationUnit",
        ),
    ],
)
def test_a_wrong_argument_is_named_with_its_line(name, value, reason, load):
    place = f"Recipe mine.yaml, line 6, network.arguments.{name}: "
    with pytest.raises(ValueError, match=f"{place}.*{reason}.*Received: "):
        load(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p", 0),
        ("r", 2),
        ("unit", "resnext"),
        ("dropout", 0.2),
        ("stochastic_depth", 0.1),
        ("width_multiplier", 0.5),
        ("stem", "cifar"),
    ],
)
def test_arguments_reach_the_network(name, value, load):
    recipe = load(name, value)
    assert recipe.network.options()[name] == value
    built(recipe)


def built(recipe):
    return zoo.create_model(
        recipe.network.name,
        input_shape=recipe.network.input_shape,
        classes=2,
        **{**network_options(recipe.network), "weights": None},
    )


STAGES = """
      - {filters: 8, strides: 2, modules: 2}
      - {filters: 16, strides: 1, modules: 0, mask_depth: 1, closing_units: 1}
"""


def test_the_stages_of_a_recipe_are_those_of_the_network(load):
    recipe = load("stages", STAGES)
    model = built(Recipe.model_validate(yaml.safe_load(recipe.to_yaml())))
    layers = {layer.name: layer for layer in model.layers}
    modules = [name for name in layers if name.endswith("_mask")]
    assert modules == ["stage1_attention1_mask", "stage1_attention2_mask"]
    units = [layers[f"stage2_unit{i}"] for i in (1, 2)]
    assert [unit.filters for unit in units] == [16, 16]
    assert layers["post_relu"].output.shape[1:] == (14, 14, 16)


def test_images_that_are_too_small_for_the_stages_are_refused(load):
    message = (
        r"Setting network\.input_shape: .* need images of 8 x 8 pixels or more.*"
        r"Received: \[6, 32, 3\]"
    )
    with pytest.raises(ValueError, match=message):
        load("p", 1, ["network.input_shape=[6, 32, 3]"])
    stages = "[{filters: 8, strides: 4, modules: 0}]"
    assert load("stages", stages, ["network.input_shape=[6, 32, 3]"])
    with pytest.raises(ValueError, match=r"images of 64 x 64 pixels"):
        load("stages", "[{filters: 8, strides: 8, modules: 1}]\n    stem: imagenet")


def test_an_argument_that_is_stated_twice_is_refused(load):
    with pytest.raises(ValueError, match=r"also stated as network\.attention"):
        load("attention", "naive", ["network.attention=none"])


@pytest.mark.parametrize("name", ["cifar_attention56", "cifar_resnet164"])
def test_the_default_stages_are_those_of_the_network(name):
    network = zoo.model_info(name).network
    parameters = inspect.signature(network).parameters
    given = {key: parameters[key].default for key in ("stages", "stem")}
    names = [
        [layer.name for layer in each.layers[1:]]
        for each in (network(), network(**given))
    ]
    assert names[0] == names[1]


def test_named_weights_fit_only_the_stages_of_their_training():
    stages = inspect.signature(cifar.Attention56).parameters["stages"].default
    same = [tuple(stage) for stage in stages]
    assert cifar.Attention56(weights="cifar10", stages=same, width_multiplier=1)
    with pytest.raises(ValueError, match="were trained with stages="):
        cifar.Attention56(weights="cifar10", stages=stages[:2])
