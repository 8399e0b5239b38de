"""Every command takes every kind of MODEL, and gives the same numbers."""

import json
import shutil

import numpy as np
import pytest
import typer

import keras_resattn
from keras_resattn.keras_file import write_facts
from keras_resattn.model_folder import ModelFolder
from keras_resattn_cli.main import app
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
def command(run):
    """Return a function that runs a command for a model and returns its output."""

    def command(word, model, *arguments):
        name, options = model
        code, output, errors = run(word, name, *arguments, *options)
        assert code == 0, (word, errors)
        return output

    return command


@pytest.fixture
def opened(monkeypatch):
    """Return the list of folders that `export`, `serve` and `explore` open."""
    folders = []

    def record(folder, *_, **__):
        folders.append(folder)

    monkeypatch.setattr("keras_resattn_cli.export._saved_model", record)
    monkeypatch.setattr("keras_resattn.export.export", record)
    monkeypatch.setattr("keras_resattn_server.serve", lambda *_, **__: None)
    monkeypatch.setattr("keras_resattn.explore.explore", record)
    monkeypatch.setattr(
        "keras_resattn.hub.upload", lambda folder, *_: record(ModelFolder.open(folder))
    )
    return folders


def probabilities(lines):
    return [json.loads(line)["probabilities"] for line in lines.splitlines()]


@pytest.fixture(scope="module")
def other(photos, tmp_path_factory):
    """Not the folder of the recipe, which its own model would divide."""
    return shutil.copytree(photos, tmp_path_factory.mktemp("other") / "other")


@pytest.fixture(scope="module")
def known():
    """What commands have said of the folder, each asked once."""
    return {}


@pytest.fixture
def of_the_folder(command, source, known):
    """Return a function that runs a command for the folder."""

    def of_the_folder(word, *arguments):
        key = (word, *arguments)
        if key not in known:
            known[key] = command(word, (source.path, []), *arguments)
        return known[key]

    return of_the_folder


@pytest.mark.parametrize("model", KINDS, indirect=True)
def test_predictions_and_tests_are_those_of_the_folder(
    model, source, command, of_the_folder, opened, other, pictures, stand_in, tmp_path
):
    stand_in("gradio", "huggingface_hub")
    expected = probabilities(of_the_folder("predict", *pictures, "--json"))
    assert probabilities(command("predict", model, *pictures, "--json")) == expected
    tested = of_the_folder("evaluate", "--data", other)
    assert command("evaluate", model, "--data", other) == tested
    command("export", model, tmp_path / "served" / "small" / "1")
    command("serve", model)
    command("explore", model)
    command("push", model, "hf://me/photos")
    command("package", model, tmp_path / "packaged")
    packaged = (tmp_path / "packaged", [])
    assert probabilities(command("predict", packaged, *pictures, "--json")) == expected
    for one in opened:
        np.testing.assert_array_equal(one.predict(pictures), source.predict(pictures))
    assert len(opened) == 4


@pytest.mark.parametrize("model", KINDS, indirect=True)
def test_summaries_and_comparisons_are_those_of_the_folder(
    model, source, command, of_the_folder, pictures
):
    path, _ = model
    counted = of_the_folder("summary")
    assert str(keras_resattn.complexity(source.model)) in counted
    # A summary needs no labels and no preprocessing.
    assert command("summary", (path, [])) == counted
    if model[1]:
        return  # of Keras files, `compare` takes only those with a file beside them
    output = command("compare", model, source.path, "--image", pictures[0])
    rows = [line.split("  ") for line in output.splitlines() if "prediction" in line]
    first, second = [cell.strip() for cell in rows[0] if cell.strip()][1:]
    assert first == second
    label, probability = first.split()
    right = source.predict(pictures[0])[0]
    assert source.labels.index(label) == right.argmax()
    assert float(probability) == pytest.approx(right.max(), abs=6e-4)


@pytest.mark.filterwarnings("default:The report has no figures of test images")
@pytest.mark.parametrize(
    "model",
    ["keras_file", *(pytest.param(k, marks=pytest.mark.slow) for k in KINDS[1:])],
    indirect=True,
)
def test_masks_and_measurements_are_those_of_the_folder(
    model, source, command, photos, pictures, tmp_path
):
    def results(model, place):
        out = ("--out", place)
        command("masks", model, pictures[0], *out)
        command("masks-influence", model, photos, *out)
        command("response", model, photos, *out)
        command("explain", model, *pictures, *out, "--no-figures")
        with np.load(place / "arrays.npz") as arrays:
            found = {key: arrays[key] for key in arrays.files}
        names = ("influence.csv", "response.csv", f"{pictures[0].stem}.masks.png")
        return found, [(place / name).read_bytes() for name in names]

    expected, expected_files = results((source.path, []), tmp_path / "expected")
    found, files = results(model, tmp_path / "found")
    assert files == expected_files
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
    command("report", model, "--out", tmp_path / "report.html")
    report = (tmp_path / "report.html").read_text()
    shows_images = "There are no figures of test images" not in report
    assert shows_images == (model[0] not in (tmp_path / "net.keras",))


def test_the_table_has_every_command_that_takes_a_model():
    """A command that is added must be added to these tests."""
    tested = {
        *("predict", "evaluate", "export", "serve", "explore", "push", "package"),
        *("summary", "compare", "masks", "masks-influence", "response", "explain"),
        "report",
    }
    group = typer.main.get_command(app)
    words = ("MODEL", "RUNS", "BASE")
    takes = {
        name
        for name, one in group.commands.items()
        if any(
            part.param_type_name == "argument" and any(w in part.metavar for w in words)
            for part in one.params
        )
    }
    assert takes == tested


def test_an_absent_model_lists_the_names(run):
    code, _, errors = run("evaluate", "cifar11")
    assert code == 1
    assert "Did you mean cifar10?" in errors
    assert "cifar_attention56:cifar10" in errors and "Received: cifar11" in errors


def test_wrong_numbers_are_a_usage_error(run):
    code, _, errors = run("evaluate", "x.keras", "--mean", "grey")
    assert code == 2 and "one number, or one per channel" in errors


def test_explore_without_a_model_opens_the_weights_of_cifar10(
    run, stand_in, monkeypatch
):
    stand_in("gradio")
    opened = []
    monkeypatch.setattr(
        "keras_resattn_cli.options.ModelOptions.open",
        lambda self, model: opened.append(model),
    )
    monkeypatch.setattr("keras_resattn.explore.explore", lambda *_, **__: None)
    assert run("explore")[0] == 0
    assert opened == ["cifar10"]


def test_explore_takes_folders_and_says_how_many_images_it_shows(
    run, stand_in, monkeypatch, photos
):
    stand_in("gradio")
    shown = []
    monkeypatch.setattr("keras_resattn_cli.explore.MOST_EXAMPLES", 30)
    monkeypatch.setattr(
        "keras_resattn_cli.options.ModelOptions.open", lambda *_: "the model"
    )
    monkeypatch.setattr(
        "keras_resattn.explore.explore",
        lambda folder, examples, **_: shown.extend(examples),
    )
    code, output, _ = run("explore", "cifar10", photos)
    assert code == 0 and "The page has the first 30 of 40 images." in output
    assert shown == sorted(photos.glob("*/*.*"))[:30]
    code, _, errors = run("explore", "cifar10", photos / "missing.png")
    assert code == 1 and "missing.png" in errors


def test_the_list_of_weights_is_that_of_the_table(run):
    code, output, _ = run("list", "--weights")
    assert code == 0
    lines = output.splitlines()
    assert "cifar_attention56:cifar10 " in lines[1]
    assert "6.06%" in lines[1] and "2.0" in lines[1]
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
