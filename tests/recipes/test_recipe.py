import textwrap

import pytest
import yaml

from keras_resattn.recipes.files import load_recipe


def test_settings_are_changed_by_key_and_value():
    recipe = load_recipe("demo", ["train.epochs=7", "data.name=mnist", "seed=3"])
    assert recipe.train.epochs == 7
    assert recipe.data.name == "mnist"
    assert recipe.seed == 3


def test_a_recipe_is_read_back_as_it_was_written(tmp_path):
    recipe = load_recipe("folder", ["preprocessing.mean=[1, 2, 3]"])
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
        (
            "preprocessing.std=[1, 2]",
            r"one number for each of the 1 channels.*: \[1.0, 2.0\]",
        ),
        ("augmentation.crop_area=[0, 1]", r"crop_area: give the smallest and the l"),
        (
            "augmentation.crop_area=[0.9, 0.1]",
            r"crop_area: give the smallest and the l",
        ),
        ("augmentation.cutmix=2", "augmentation.cutmix: .*equal to 1. Received: 2"),
        ("train.epochs", "section.key=value.*Received: train.epochs"),
        ("seed.a=3", "Setting seed: .*valid integer.*Received: {'a': 3}"),
        ("data=3", "Setting data: this is a section.*such as data.name.*Received: 3"),
        (
            "train.class_weights={0: 1}",
            "class_weights: write names of classes in q",
        ),
        ("train.class_weights={cat: -1}", "class_weights.cat: .*equal to 0.*: -1"),
        ("train.class_weights=even", "input should be 'balanced'.*Received: 'even'"),
        ("train.epochs.a=3", "'epochs' is a setting, not a section.*Received: train"),
    ],
)
def test_wrong_settings_are_named_with_the_remedy(override, message):
    with pytest.raises(ValueError, match=message):
        load_recipe("demo", [override])


def test_an_unknown_recipe_names_the_closest():
    with pytest.raises(FileNotFoundError, match="Did you mean 'demo'.*Received: demos"):
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
    with pytest.raises(ValueError, match="not valid YAML"):
        load_recipe(path)


def test_every_setting_is_spelt_out_beside_the_weights():
    settings = yaml.safe_load(load_recipe("demo").to_yaml())
    assert settings["train"]["momentum"] == 0.9
    assert settings["augmentation"]["crop_padding"] == 2
    assert settings["augmentation"]["crop"] == "pad"


def write(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(textwrap.dedent(text))
    return folder


def test_a_recipe_has_the_settings_of_its_base_where_it_states_none(tmp_path):
    write(
        tmp_path,
        parent="""
        base: demo
        train: {epochs: 9, momentum: 0.5}
        """,
        child="""
        base: parent.yaml
        train:
          momentum: 0.7
        """,
    )
    recipe = load_recipe(tmp_path / "child.yaml")
    assert recipe.train.momentum == 0.7
    assert recipe.train.epochs == 9
    assert recipe.data == load_recipe("demo").data


def test_a_recipe_that_is_its_own_base_is_an_error(tmp_path):
    write(tmp_path, one="base: other.yaml", other="base: one.yaml")
    with pytest.raises(ValueError, match="its own base.*Received: one.yaml"):
        load_recipe(tmp_path / "one.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: demo\ntrain:\n  epoch: 3", "line 3, train.epoch: no such setting"),
        ("base: demo\n\nsed: 3", "line 3, sed: .*did you mean 'seed'.*Received: 3"),
        ("base: demo\nprecision: mixed_float61", "line 2, .*'mixed_float16'"),
        ("base: demo\ntrain:\n  epochs: 3\n  epochs: 4", "line 4, .*given twice"),
        (
            "base: demo\nnetwork:\n  name: attention65",
            "line 3, network.name: .*'attention65'",
        ),
        (
            "data: {name: x}\nnetwork:\n  name: attention56",
            "line 2, network.input_shape: field required",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{path}.*{message}"):
        load_recipe(path)


def test_an_error_in_a_base_names_its_line(tmp_path):
    write(tmp_path, parent="base: demo\ntrian: {}", child="seed: 1\nbase: parent.yaml")
    with pytest.raises(ValueError, match=r"parent.yaml, line 2, trian: .*'train'"):
        load_recipe(tmp_path / "child.yaml")


def test_short_names_of_precisions_are_those_of_policies():
    assert load_recipe("demo", ["precision=bfloat16"]).precision == "mixed_bfloat16"


def test_the_rate_is_scaled_with_the_global_batch():
    settings = ["train.base_batch_size=64", "train.batch_size=256"]
    assert load_recipe("demo", settings).train.peak_learning_rate == 0.4


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("./batch #2", "./batch #2"),
        ("2024", "2024"),
        ("no", "no"),
        ("'a b'", "a b"),
        ("@home", "@home"),
    ],
)
def test_a_setting_that_is_a_text_is_taken_as_it_is(text, name):
    assert load_recipe("demo", [f"data.name={text}"]).data.name == name
    for nothing in ("", "null", "~"):
        recipe = load_recipe("demo", [f"data.data_dir={nothing}"])
        assert recipe.data.data_dir is None
