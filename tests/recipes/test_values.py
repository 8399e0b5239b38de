"""Values of `--set` that YAML reads as something else than they seem."""

import pytest

from keras_resattn.recipes.files import load_recipe


@pytest.mark.parametrize(
    "change",
    [
        "augmentation.random_erasing=true",
        "augmentation.cutmix=yes",
        "train.patience=yes",
        "train.epochs=on",
        "preprocessing.mean=no",
    ],
)
def test_true_and_false_are_no_numbers(change):
    with pytest.raises(ValueError, match="is true or false.*Received: (True|False)"):
        load_recipe("folder", [change])


@pytest.mark.parametrize(
    "change, reason",
    [
        ("train.freeze=no", "'none', 'body'"),
        ("augmentation.rand_augment=true", "section"),
    ],
)
def test_choices_and_sections_keep_their_errors(change, reason):
    with pytest.raises(ValueError, match=reason):
        load_recipe("folder", [change])


@pytest.mark.parametrize(
    "change, value", [("train.epochs=010", 8), ("train.batch_size=1:30", 90)]
)
def test_numbers_of_base_8_and_60_are_refused(change, value):
    with pytest.raises(ValueError, match=f"as {value}.*Received: {change}"):
        load_recipe("folder", [change])


def test_an_infinite_deviation_is_refused():
    with pytest.raises(ValueError, match="finite"):
        load_recipe("folder", ["preprocessing.std=.inf"])


def test_exponents_without_a_point_are_numbers():
    changes = ["data.validation=5e-2", "network.arguments.dropout=1e-1"]
    recipe = load_recipe("folder", [*changes, "jit=true", "data.name=1e5"])
    assert recipe.data.validation == 0.05
    assert recipe.network.arguments["dropout"] == 0.1
    assert recipe.jit is True and recipe.data.name == "1e5"
