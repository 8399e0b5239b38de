"""`make results`: the runs behind docs/results.md."""

import json
import sys

import pytest

from keras_resattn.recipes.files import load_recipe
from scripts import train_results

METRICS = "epoch,seconds\n1,1800\n2,1800\n"


def finish(folder, name, accuracy):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(load_recipe(name).to_yaml())
    (folder / "metrics.csv").write_text(METRICS)
    environment = {"GPUs": "none", "processor": "a processor"}
    (folder / "environment.json").write_text(json.dumps(environment))
    (folder / "evaluation.json").write_text(json.dumps({"accuracy": accuracy}))


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """Record the commands; a training leaves a folder whose error is 10 %."""
    recorded = []

    def run_command(*arguments, stdout=None):
        recorded.append(arguments)
        if arguments[0] == "train":
            _, name, _, folder, *_ = arguments
            finish(folder, name, 0.9)
            (folder / "evaluation.json").unlink()
        elif arguments[0] == "evaluate":
            (arguments[1] / "evaluation.json").write_text('{"accuracy": 0.9}')

    monkeypatch.setattr(train_results, "run_command", run_command)
    monkeypatch.setattr(train_results, "convert", lambda package, data_dir: None)
    return recorded


def test_every_run_is_a_recipe_and_has_a_printed_error():
    for name in train_results.RUNS:
        network = load_recipe(name).network
        attention = network.attention or "residual"
        assert float(train_results.printed_error(network.name, attention)) > 4


def test_the_runs_are_resumed_evaluated_and_put_into_the_table(commands, tmp_path):
    names = train_results.RUNS[1:3]
    arguments = ["--out", str(tmp_path), "--set", "precision=float32"]
    train_results.main([*arguments, "--runs", *names])
    for i, name in enumerate(names):
        folder = tmp_path / name
        assert commands[3 * i : 3 * i + 3] == [
            ("train", name, "--resume", folder, "--set=precision=float32"),
            ("evaluate", folder),
            ("response", folder, "--out", folder / "response"),
        ]
    folders, page = [tmp_path / name for name in names], tmp_path / "comparison.html"
    assert commands[6:] == [("compare", *folders, "--html", page)]
    lines = (tmp_path / "results.md").read_text().splitlines()
    assert lines[2].startswith("| cifar_attention56 | residual | 5.52 | 10.00 | 12 |")
    assert lines[3].startswith("| cifar_attention92 | residual | 4.99 | 10.00 | 12 |")
    assert "| 1.0 | a processor |" in lines[2]


def test_a_begun_run_is_copied_once(tmp_path, monkeypatch):
    monkeypatch.setattr(train_results, "BEGUN", tmp_path / "begun")
    begun = tmp_path / "begun" / "first.partial" / "checkpoint.h5"
    begun.parent.mkdir(parents=True)
    begun.write_text("epoch 1")
    for name in ("first", "second"):
        train_results.take_begun(tmp_path / "runs" / name)
    (copy,) = (tmp_path / "runs").iterdir()
    assert copy.name == "first.partial"
    assert (copy / begun.name).read_text() == "epoch 1"
    begun.write_text("epoch 2")  # a copy that went on is kept
    train_results.take_begun(tmp_path / "runs" / "first")
    assert (copy / begun.name).read_text() == "epoch 1"
    copy.rename(copy.with_name("first"))  # so is a finished run
    train_results.take_begun(tmp_path / "runs" / "first")
    assert not copy.exists()


def test_a_run_in_the_repository_has_the_settings_of_its_recipe():
    runs = [path.parent for path in train_results.BEGUN.glob("*/recipe.yaml")]
    assert runs
    for folder in runs:
        settings = (folder / "recipe.yaml").read_text().splitlines()
        assert set(settings) <= set(load_recipe(folder.stem).to_yaml().splitlines())


def test_a_failed_run_ends_the_script(monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(SystemExit, match="ended with 1"):
        train_results.run_command("train", "demo")
