import pytest
import yaml

from keras_resattn.recipe import list_recipes
from keras_resattn.recipe import load_recipe


@pytest.mark.parametrize("name", list_recipes())
def test_recipes_of_the_package_are_valid_and_built(name):
    from keras_resattn.zoo import create_model

    network = load_recipe(name).network
    model = create_model(network.name, input_shape=network.input_shape, classes=2)
    assert model.input_shape == (None, *network.input_shape)


def test_settings_are_changed_by_key_and_value():
    recipe = load_recipe("demo", ["train.epochs=7", "data.name=mnist", "seed=3"])
    assert recipe.train.epochs == 7
    assert recipe.data.name == "mnist"
    assert recipe.seed == 3


def test_a_recipe_is_read_back_as_it_was_written(tmp_path):
    recipe = load_recipe("demo", ["preprocessing.mean=[1, 2, 3]"])
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe.to_yaml())
    assert load_recipe(path) == recipe


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epoch=3", "train.epoch: no such setting; did you mean 'epochs'?"),
        ("trian.epochs=3", "trian: no such setting; did you mean 'train'?"),
        ("train.epochs=0", "train.epochs: .*greater than 0. Received: 0"),
        ("train.epochs=many", "train.epochs: .*valid integer.*Received: 'many'"),
        ("train.learning_rate=-1", "train.learning_rate: .*Received: -1"),
        ("precision=float8", "precision: .*'mixed_bfloat16'.*Received: 'float8'"),
        ("network.input_shape=[28, 28]", "network.input_shape.*Received"),
        ("preprocessing.std=0", "preprocessing.std.*Received: 0"),
        ("train.epochs", "section.key=value.*Received: train.epochs"),
        ("seed.a=3", "'seed' is no section|seed.*Received"),
    ],
)
def test_wrong_settings_are_named_with_the_remedy(override, message):
    with pytest.raises(ValueError, match=message):
        load_recipe("demo", [override])


def test_an_unknown_recipe_names_the_closest():
    with pytest.raises(FileNotFoundError, match="did you mean 'demo'.*Received: demos"):
        load_recipe("demos")


@pytest.mark.parametrize("text", ["a: [1", "- 1\n- 2", "", "\x00"])
def test_a_file_that_is_no_recipe_is_an_error(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"Received: {path}"):
        load_recipe(path)


def test_yaml_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("data: !!python/object/apply:os.system ['touch ran']")
    with pytest.raises(ValueError, match="no YAML"):
        load_recipe(path)


def test_every_setting_is_spelt_out_beside_the_weights():
    settings = yaml.safe_load(load_recipe("demo").to_yaml())
    assert settings["train"]["momentum"] == 0.9
    assert settings["augmentation"] == {"flip": True, "crop_padding": 2}
