"""Every command takes every kind of MODEL, and gives the same numbers."""

import json
import shutil

import numpy as np
import pytest

from keras_resattn.keras_file import write_facts
from tests.small_weights import publish
from tests.small_weights import rounded

KINDS = ["keras_file", "sidecar", "name", "full_name", "repository", "file_of_folder"]


@pytest.fixture(scope="module")
def source(model_folder, tmp_path_factory):
    return rounded(model_folder, tmp_path_factory.mktemp("every") / "run")


@pytest.fixture
def model(request, source, tmp_path, monkeypatch):
    """Return the words of the command line that name a kind of model."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.chdir(tmp_path)
    publish(source, tmp_path / "table", monkeypatch)
    settings = source.recipe.preprocessing
    labels = tmp_path / "labels.txt"
    shutil.copy(source.path / "labels.txt", labels)
    path = tmp_path / "net.keras"
    shutil.copy(source.path / "model.keras", path)

    def numbers(value):
        return ",".join(map(str, np.atleast_1d(value).tolist()))

    facts = ["--labels", labels, f"--mean={numbers(settings.mean)}"]
    facts += [f"--std={numbers(settings.std)}", f"--resize={settings.resize}"]
    if request.param == "sidecar":
        names = labels.read_text().splitlines()
        write_facts(path, names, settings.mean, settings.std, settings.resize)
    if request.param == "repository":
        import huggingface_hub

        monkeypatch.setattr(
            huggingface_hub, "snapshot_download", lambda *_, **__: str(source.path)
        )
    return {
        "keras_file": (path, facts),
        "sidecar": (path, []),
        "name": ("photos", []),
        "full_name": ("tiny:photos", []),
        "repository": ("hf://me/photos", []),
        "file_of_folder": (source.path / "model.keras", []),
    }[request.param]


@pytest.fixture
def results(run, photos, pictures, monkeypatch):
    """Return a function from a model to what every command gives for it."""
    opened = []

    def record(folder, *_, **__):
        opened.append(folder.predict(pictures))

    monkeypatch.setattr("keras_resattn_cli.export._saved_model", record)
    monkeypatch.setattr("keras_resattn.explore.explore", record)

    def results(name, options, place):
        def command(word, *arguments):
            code, output, errors = run(word, name, *arguments, *options)
            assert code == 0, (word, errors)
            return output

        def written(word, file, *arguments):
            out = place / word
            command(word, *arguments, "--out", out)
            return (out / file).read_bytes()

        answers = command("predict", *pictures, "--json").splitlines()
        found = {
            "predict": [json.loads(line)["probabilities"] for line in answers],
            "evaluate": command("evaluate", photos),
            "masks": written("masks", f"{pictures[0].stem}.masks.png", pictures[0]),
            "influence": written("masks-influence", "influence.csv", photos),
            "response": written("response", "response.csv", photos),
        }
        command("explain", *pictures, "--out", place / "shown", "--no-figures")
        with np.load(place / "shown" / "arrays.npz") as arrays:
            found["explain"] = {key: arrays[key] for key in arrays.files}
        command("report", "--out", place / "report.html")
        assert "tiny" in (place / "report.html").read_text()
        command("export", place / "served" / "small" / "1")
        command("explore")
        command("package", place / "packaged")
        packaged = run("predict", place / "packaged", *pictures, "--json")[1]
        found["package"] = [
            json.loads(line)["probabilities"] for line in packaged.splitlines()
        ]
        assert found["package"] == found["predict"]
        found["opened"] = np.stack(opened)
        opened.clear()
        return found

    return results


KNOWN = {}


@pytest.mark.parametrize("model", KINDS, indirect=True)
def test_every_command_takes_it_and_gives_the_same_numbers(
    model, source, results, tmp_path
):
    if not KNOWN:
        KNOWN.update(results(source.path, [], tmp_path / "known"))
    expected = KNOWN
    found = results(*model, tmp_path / "found")
    assert found.keys() == expected.keys()
    for name in ("predict", "evaluate", "masks", "influence", "response", "package"):
        assert found[name] == expected[name], name
    np.testing.assert_array_equal(found["opened"], expected["opened"])
    assert found["opened"].shape == (2, 5, 2)
    for name, values in expected["explain"].items():
        np.testing.assert_array_equal(found["explain"][name], values)


def test_an_absent_model_lists_the_names(run):
    code, _, errors = run("predict", "cifar11", "image.png")
    assert code == 1
    assert "cifar_attention56:cifar10" in errors and "Received: cifar11" in errors


def test_wrong_numbers_are_a_usage_error(run, tmp_path):
    code, _, errors = run("predict", "x.keras", "image.png", "--mean", "grey")
    assert code == 2 and "one number, or one per channel" in errors


def test_explore_without_a_model_opens_the_weights_of_cifar10(run, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "keras_resattn_cli.options.ModelOptions.open",
        lambda self, model: opened.append(model),
    )
    monkeypatch.setattr("keras_resattn.explore.explore", lambda *_, **__: None)
    assert run("explore")[0] == 0
    assert opened == ["cifar10"]


def test_the_list_of_weights_is_that_of_the_table(run):
    code, output, _ = run("list", "--weights")
    assert code == 0
    lines = output.splitlines()
    assert "cifar_attention56:cifar10 " in lines[1]
    assert "90.97%" in lines[1] and "2.1" in lines[1]
    assert run("list", "--weights", "no*")[0] == 1


def test_push_uploads_what_the_command_opened(run, source, monkeypatch):
    sent = []
    monkeypatch.setattr(
        "keras_resattn.hub.upload", lambda *arguments: sent.append(arguments)
    )
    code, _, errors = run("push", source.path, "me/photos")
    assert code == 1 and "hf://OWNER/REPOSITORY" in errors and not sent
    assert run("push", source.path, "hf://me/photos", "--private")[0] == 0
    assert sent == [(source.path, "hf://me/photos", True)]


def test_package_does_not_replace_a_path(run, source, tmp_path):
    code, _, errors = run("package", source.path, tmp_path)
    assert code == 1 and "This path exists" in errors
