"""`network.arguments` is checked with file and line before anything is built."""

import pytest

from keras_resattn import zoo
from keras_resattn.recipes.files import load_recipe

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
    def load(name, value):
        (tmp_path / "mine.yaml").write_text(RECIPE.format(name=name, value=value))
        monkeypatch.chdir(tmp_path)
        return load_recipe("mine.yaml")

    return load


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("dropuot", 0.1, "did you mean 'dropout'"),
        ("unrelated", 1, "known: attention, "),
        ("classes", 3, "takes no such argument"),
        ("p", -1, "`p` must be an integer, 0 or more"),
        ("r", 0, "`r` must be a positive integer"),
        ("dropout", 1.0, "`dropout` must be a number from 0"),
        ("stochastic_depth", "high", "`stochastic_depth` must be a number"),
        ("width_multiplier", 0, "`width_multiplier` must be a number greater"),
        ("unit", "vast", "`unit` must be one of"),
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
    ],
)
def test_arguments_reach_the_network(name, value, load):
    recipe = load(name, value)
    assert recipe.network.options()[name] == value
    zoo.create_model(
        recipe.network.name,
        input_shape=(32, 32, 3),
        classes=2,
        **{**recipe.network.options(), "weights": None},
    )
