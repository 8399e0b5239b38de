"""`keras-resattn serve MODEL` exports a model and serves it."""

import json
import os
from pathlib import Path

import pytest
import typer

from keras_resattn.model_source import is_model
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.served_model import keep_kernels
from keras_resattn_cli.served_model import served_folder
from keras_resattn_server.models.constant_kernels import KEEP_KERNELS


def test_a_folder_of_exports_is_served_as_it_is(tmp_path, capsys):
    (tmp_path / "cifar10" / "1").mkdir(parents=True)
    with served_folder(str(tmp_path)) as folder:
        assert folder == tmp_path
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["missing", "cifar10/1", "weights.h5"])
def test_what_is_no_model_is_left_to_the_server(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert not is_model(name)
    with served_folder(name) as folder:
        assert str(folder) == name


def test_a_name_is_a_model_unless_a_folder_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_model("cifar10") and is_model("cifar_attention56:cifar10")
    (tmp_path / "cifar10").mkdir()
    assert not is_model("cifar10")


@pytest.mark.parametrize("inside", [False, True])
def test_a_model_folder_is_exported_and_removed_at_the_end(
    model_folder, capsys, monkeypatch, inside
):
    name = model_folder.path.name
    if inside:
        monkeypatch.chdir(model_folder.path)
    base = "." if inside else str(model_folder.path)
    with served_folder(base) as folder:
        version = folder / name / "1"
        manifest = json.loads((version / "assets.extra/manifest.json").read_text())
        assert manifest["labels"] == list(model_folder.labels)
        assert (version / "saved_model.pb").is_file()
    assert not folder.exists()
    output = capsys.readouterr().out
    assert f"keras-resattn export {base} served/{name}/1" in output
    assert f"The model is served as {name}." in output


def test_a_version_in_the_current_folder_has_the_name_of_this_folder(
    run, model_folder, tmp_path, monkeypatch
):
    (tmp_path / "served" / "photos").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "served" / "photos")
    (tmp_path / "served" / "photos" / "new").mkdir()
    monkeypatch.chdir("new")
    code, output, errors = run("export", model_folder.path, "../2")
    assert code == 0, errors
    assert f"keras-resattn serve {tmp_path / 'served'}\n" in output
    manifest = json.loads(Path("../2/assets.extra/manifest.json").read_text())
    assert (manifest["name"], manifest["version"]) == ("photos", 2)


@pytest.mark.parametrize("name", ["exports", "missing"])
def test_options_of_a_keras_file_need_one(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports").mkdir()
    with pytest.raises(typer.BadParameter, match=f"only work if BASE.*BASE {name}"):
        with served_folder(name, ModelOptions(mean="3")):
            pass


@pytest.mark.parametrize(
    ("base", "given", "used"),
    [
        ("exports", None, "1"),
        ("exports", "0", "0"),
        (None, None, "1"),
        ("cifar10", None, None),
        ("a_model", None, None),
    ],
)
def test_kernels_are_kept_unless_this_process_changes_them(
    monkeypatch, tmp_path, base, given, used
):
    (tmp_path / "exports").mkdir()
    (tmp_path / "a_model").mkdir()
    (tmp_path / "a_model" / "model.keras").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(KEEP_KERNELS, "")
    monkeypatch.delenv(KEEP_KERNELS)
    if given:
        monkeypatch.setenv(KEEP_KERNELS, given)
    keep_kernels(base)
    assert os.environ.get(KEEP_KERNELS) == used
