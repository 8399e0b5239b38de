"""The command `recipes`."""

import yaml

from keras_resattn.recipes.files import find_recipe
from keras_resattn.recipes.files import list_recipes
from keras_resattn.recipes.files import load_recipe


def test_recipes_are_listed_with_network_data_epochs_and_description(run):
    code, output, errors = run("recipes")
    assert (code, errors) == (0, "")
    header, *rows = output.splitlines()
    assert header.split() == ["name", "network", "data", "epochs", "description"]
    assert [row.split()[0] for row in rows] == list_recipes()
    (row,) = [row for row in rows if row.split()[0] == "cifar10_attention56_naive"]
    assert row.split()[1:4] == ["cifar_attention56", "cifar10", "205"]
    assert row.rstrip().endswith("naive attention on CIFAR-10, the paper's training")


def test_a_recipe_is_printed_as_it_is_written(run):
    code, output, errors = run("recipes", "cifar10_attention56_naive")
    assert (code, errors) == (0, "")
    assert output == find_recipe("cifar10_attention56_naive").read_text()


def test_a_resolved_recipe_has_the_settings_of_its_bases(run, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("base: cifar10_attention56_naive\ntrain: {epochs: 30}\n")
    code, output, errors = run("recipes", path, "--resolved")
    assert (code, errors) == (0, "")
    settings = yaml.safe_load(output)
    assert settings["train"]["epochs"] == 30
    assert settings["network"]["attention"] == "naive"
    assert settings["train"]["nesterov"] is True
    (tmp_path / "resolved.yaml").write_text(output)
    assert load_recipe(tmp_path / "resolved.yaml") == load_recipe(path)


UNIT = """
import keras
from keras_resattn.layers import PreActivationUnit

@keras.saving.register_keras_serializable(package="{name}")
class Mine(PreActivationUnit):
    pass
"""


def test_a_recipe_with_a_unit_of_a_module_is_resolved(run, tmp_path, monkeypatch):
    (tmp_path / "units_of_mine.py").write_text(UNIT.format(name="units_of_mine"))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.yaml"
    text = "base: demo\nnetwork: {arguments: {unit: 'units_of_mine:Mine'}}\n"
    path.write_text(text)
    code, _, errors = run("recipes", path, "--resolved")
    assert code == 1 and "--allow-code" in errors
    code, output, errors = run("recipes", path, "--resolved", "--allow-code")
    assert (code, errors) == (0, "")
    arguments = yaml.safe_load(output)["network"]["arguments"]
    assert arguments == {"unit": "units_of_mine:Mine"}


def test_what_is_asked_wrongly_is_one_line(run):
    code, output, errors = run("recipes", "cifar10_attention65")
    assert (code, output, len(errors.splitlines())) == (1, "", 1)
    assert "Did you mean 'cifar10_attention56'" in errors
    code, output, errors = run("recipes", "--resolved")
    assert (code, output) == (2, "")
    assert "Received: --resolved" in errors
