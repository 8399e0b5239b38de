"""`keras-resattn masks-influence` and `response`."""

import csv
import json
import re
import shutil

import pytest

MODULE = "stage1_attention1"


@pytest.fixture(scope="module")
def moved(model_folder, photos, tmp_path_factory):
    """The model folder elsewhere, and its data with another class folder."""
    root = tmp_path_factory.mktemp("moved")
    shutil.copytree(photos, root / "others")
    (root / "others" / "bright").rename(root / "others" / "light")
    shutil.copytree(model_folder.path, root / "copy")
    return root


def test_masks_influence_prints_a_table_and_writes_files(run, model_folder, tmp_path):
    out = tmp_path / "new"
    code, output, errors = run(
        *("masks-influence", model_folder.path, "--module", MODULE, "--shuffles", 2),
        *("--out", out),
    )
    assert code == 0, errors
    assert "4 test images of" in output
    lines = [line.strip() for line in output.splitlines()]
    for name in ("on", "one everywhere", "their mean", "of another image"):
        assert any(line.startswith(name) for line in lines)
    assert any(line.startswith("channels shuffled (1)") for line in lines)
    assert f"{MODULE} alone" in lines
    written = json.loads((out / "influence.json").read_text())
    with (out / "influence.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(written["rows"]) == 1 + 2 * 5
    on = written["rows"][0]
    assert lines[lines.index("") + 1 :]
    assert f"{on['accuracy']:.2%}" in next(x for x in lines if x.startswith("on "))


def test_masks_influence_agrees_with_evaluate(run, model_folder, moved, tmp_path):
    run("evaluate", moved / "copy")
    evaluation = json.loads((moved / "copy" / "evaluation.json").read_text())
    run("masks-influence", model_folder.path, "--out", tmp_path)
    on = json.loads((tmp_path / "influence.json").read_text())["rows"][0]
    assert on["images"] == evaluation["count"]
    assert on["accuracy"] == pytest.approx(evaluation["accuracy"])
    assert on["loss"] == pytest.approx(evaluation["loss"], rel=1e-4)


@pytest.mark.parametrize(("width", "count"), [(60, 2), (80, 5), (120, 7)])
def test_names_of_masks_are_whole_in_narrow_terminals(
    run, model_folder, monkeypatch, width, count
):
    monkeypatch.setenv("COLUMNS", str(width))
    code, output, _ = run("masks-influence", model_folder.path, "--limit", 4)
    lines = output.splitlines()
    assert code == 0 and "…" not in output
    assert max(map(len, lines)) <= width
    (head,) = [line.split() for line in lines if line.split()[:1] == ["masks"]]
    assert len(head) == 1 + count
    assert any(line.strip().startswith("channels shuffled (0) ") for line in lines)
    assert ("Wider terminals" in output) == (count < 7)


def test_another_data_set_is_taken_and_limited(run, model_folder, photos):
    code, output, _ = run(
        "masks-influence", model_folder.path, photos, "--limit", 3, "--batch-size", 2
    )
    assert code == 0
    assert f"3 test images of {photos}" in " ".join(output.split())


def test_response_prints_and_writes_both_networks(run, model_folder, moved, tmp_path):
    code, output, errors = run(
        *("response", model_folder.path, "--against", moved / "copy"),
        *("--out", tmp_path / "new"),
    )
    assert code == 0, errors
    assert MODULE in output and str(moved / "copy") in output
    with (tmp_path / "new" / "response.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 6
    assert {row["images"] for row in rows} == {"4"}
    assert [row["mean"] for row in rows[:6]] == [row["mean"] for row in rows[6:]]
    assert (tmp_path / "new" / "response.png").read_bytes().startswith(b"\x89PNG")


def test_response_of_one_network_is_named_by_its_attention(run, model_folder, tmp_path):
    code, output, _ = run("response", model_folder.path, "--out", tmp_path)
    assert code == 0
    assert "residual" in output and "naive" not in output


@pytest.mark.parametrize("command", ["masks-influence", "response"])
def test_bad_input_is_one_line(run, command, model_folder, moved, tmp_path):
    missing = tmp_path / "missing"
    model, out = model_folder.path, ("--out", tmp_path / "new")
    for arguments, expected, message in (
        ((missing,), 1, f"There is no such model.*Received: {missing}"),
        ((model, missing), 1, f"no such folder.*Received: {missing}"),
        ((model, "no_such_data_set"), 1, "neither a folder.*no_such_data_set"),
        ((model, "cifar10", "--data-dir", tmp_path), 1, "not in .*Received: cifar10"),
        ((model, moved / "others"), 1, r"classes are not.*\['dark', 'light'\]"),
    ):
        code, output, errors = run(command, *arguments, *out)
        assert code == expected, errors
        assert len(errors.splitlines()) == 1, errors
        assert re.search(message, errors), errors
        assert output == ""
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["masks-influence", "response"])
def test_a_model_of_unknown_data_needs_a_data_set(run, command, model_folder, tmp_path):
    file = shutil.copy(model_folder.path / "model.keras", tmp_path / "cats.keras")
    names = tmp_path / "names.txt"
    names.write_text("bright\ndark\n")
    code, _, errors = run(command, file, "--mean", 0, "--std", 1, "--labels", names)
    assert code == 1 and "not known with which data" in errors


def test_an_unknown_module_and_a_model_against_itself_are_errors(run, model_folder):
    model = model_folder.path
    code, _, errors = run("masks-influence", model, "--module", "stage9")
    assert code == 1 and "Received: module='stage9'" in errors
    code, _, errors = run("response", model, "--against", model)
    assert code == 1 and f"Received: --against {model}" in errors
