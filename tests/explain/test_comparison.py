"""Runs side by side."""

import json
import re
import shutil

import pytest

from keras_resattn.explain.comparison import compare_runs
from keras_resattn.explain.comparison import write_comparison
from keras_resattn.model_folder import ModelFolder
from keras_resattn_cli import main as cli

HEAD = "epoch,accuracy,loss,seconds,val_accuracy,val_loss\n"


@pytest.fixture
def runs(model_folder, tmp_path):
    """Two runs: the second has other settings and was not evaluated."""
    for name in ("first", "second"):
        shutil.copytree(model_folder.path, tmp_path / name)
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "metrics.csv").write_text(
        HEAD + "1,0.5,0.7,3.0,0.25,0.9\n2,0.6,0.6,4.0,0.75,0.8\n3,0.7,0.5,3,0.5,nan\n"
    )
    (second / "metrics.csv").write_text(HEAD + "1,0.5,0.7,5.0,NA,0.9\n")
    recipe = (second / "recipe.yaml").read_text()
    text, count = re.subn("  batch_size: 12", "  batch_size: 6", recipe)
    assert count == 1
    (second / "recipe.yaml").write_text(text)
    (first / "evaluation.json").write_text(
        json.dumps(
            {"data": "/secret/photos", "count": 4, "accuracy": 0.75, "loss": 0.5}
        )
    )
    return [ModelFolder.open(first), ModelFolder.open(second)]


def test_only_settings_that_differ_are_listed(runs):
    comparison = compare_runs(runs)
    assert comparison.names == ("first", "second")
    assert comparison.settings == {"train.batch_size": ("12", "6")}
    assert compare_runs([runs[0], runs[0]]).settings == {}


def test_results_are_those_of_the_files(runs):
    results = compare_runs(runs).results
    assert results["epochs"] == ("3", "1")
    assert results["best validation accuracy"] == ("0.7500 (epoch 2)", "")
    assert results["test accuracy"] == ("0.7500", "")
    assert results["tested on"] == ("4 images of photos", "")
    assert results["seconds of training"] == ("10", "5")


def test_curves_have_a_value_per_epoch(runs):
    curves = compare_runs(runs).curves
    assert curves["accuracy"] == ([0.5, 0.6, 0.7], [0.5])
    assert curves["val_accuracy"][0] == [0.25, 0.75, 0.5]


def test_the_page_has_the_tables_and_the_curves(runs, tmp_path):
    text = write_comparison(compare_runs(runs), tmp_path / "page.html").read_text()
    for part in ("first", "second", "train.batch_size", "0.7500 (epoch 2)"):
        assert part in text
    assert "data:image/png;base64," in text and "/secret" not in text


def test_one_run_is_an_error(runs):
    with pytest.raises(ValueError, match="two or more runs.*first"):
        compare_runs(runs[:1])


def test_the_command_prints_the_comparison(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("KERAS_RESATTN_DEBUG", "1")
    paths = [str(folder.path) for folder in runs]
    page = tmp_path / "page.html"
    monkeypatch.setattr(
        "sys.argv", ["keras-resattn", "compare", *paths, "--html", str(page)]
    )
    with pytest.raises(SystemExit) as stop:
        cli.main()
    output = capsys.readouterr().out
    assert not stop.value.code
    assert "▁█▅ 0.5000" in output and "train.batch_size" in output
    assert str(page) in output and page.is_file()
