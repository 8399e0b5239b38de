"""`keras-resattn evaluate` by its output."""

import json
import re
import shutil

import numpy as np
import pytest


def test_evaluate_prints_accuracy_and_confusion(run, model_folder, tmp_path):
    shutil.copytree(model_folder.path, tmp_path / "run")
    code, output, _ = run("evaluate", tmp_path / "run")
    assert code == 0
    assert "accuracy" in output and "on 4 test images" in output
    assert "precision" in output and "calibration error" in output
    assert "0 bright" in output and "1 dark" in output
    assert (tmp_path / "run" / "evaluation.json").is_file()


def test_many_classes_are_shown_by_their_worst_confusions(
    run, model_folder, tmp_path, monkeypatch
):
    from keras_resattn_cli import evaluation_output

    monkeypatch.setattr(evaluation_output, "MOST_CLASSES", 1)
    shutil.copytree(model_folder.path, tmp_path / "run")
    code, output, _ = run("evaluate", tmp_path / "run")
    confusion = json.loads((tmp_path / "run" / "evaluation.json").read_text())[
        "confusion"
    ]
    counts = {"dark": confusion[0][1], "bright": confusion[1][0]}
    wrong = [
        f"  {count} of 2 images of {true} predicted as {predicted}"
        for predicted, count in sorted(counts.items(), key=lambda pair: -pair[1])
        if count
        for true in {"dark", "bright"} - {predicted}
    ]
    _, listed = output.split("Most frequent confusions:\n")
    *lines, accuracy, _, _ = listed.splitlines()
    assert code == 0
    assert lines == (wrong or ["  none"])
    assert accuracy.startswith("accuracy ")
    assert "lowest F1" in output and "true class" not in output


@pytest.mark.parametrize("columns", ["80", "60"])
def test_evaluate_fits_the_terminal(monkeypatch, capsys, columns):
    from keras_resattn import training
    from keras_resattn_cli import columns as width_of
    from keras_resattn_cli.evaluation_output import print_evaluation

    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(width_of.sys.stdout, "isatty", lambda: True)
    labels = tuple(f"a long name of class {i}" for i in range(12))
    confusion = np.full((12, 12), 100)
    classes = training.class_results(confusion, labels)
    evaluation = training.Evaluation(
        "photos", 14400, 2.5, 0.1, confusion.tolist(), "test", 0.5, 0.1, 0.1, classes
    )
    print_evaluation(labels, evaluation)
    output = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)
    assert max(map(len, output.splitlines())) <= int(columns)
    assert "100 of 1200 images of a long name of class 0" in " ".join(output.split())


def test_evaluate_tests_other_images(run, model_folder, photos, tmp_path):
    table, copy = tmp_path / "predictions.csv", tmp_path / "run"
    shutil.copytree(model_folder.path, copy)
    code, output, errors = run(
        *("evaluate", copy, "--data", photos / "..", "--json", "--split", "test")
    )
    assert code == 1 and "leave out `split`" in errors
    shutil.copytree(photos, tmp_path / "other")
    (tmp_path / "other" / "dark" / "00.jpg").write_bytes(b"")
    shutil.copytree(photos / "dark", tmp_path / "other" / "night")
    code, output, errors = run(
        *("evaluate", copy, "--data", tmp_path / "other", "--predictions", table)
    )
    assert code == 0, errors
    assert "left out: 1 unreadable\n" in output
    assert "left out: 20 of classes that the model does not have (night)" in output
    assert f"on 39 images of {tmp_path / 'other'}" in output
    assert f"The predictions are in {table}." in output
    assert not (copy / "evaluation.json").exists()
    code, output, errors = run("evaluate", copy, "--json", "--predictions", table)
    assert code == 0 and json.loads(output)["count"] == 4
    assert "The predictions are in" in errors
    code, _, errors = run("evaluate", copy, "--predictions", tmp_path / "a.txt")
    assert code == 2 and "ends in .csv" in errors
