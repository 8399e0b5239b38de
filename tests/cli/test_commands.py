"""The command by its exit codes and output, in this process."""

import json
import re
import shutil
import socket

import numpy as np
import pytest

COMMANDS = (
    "train evaluate predict masks explain masks-influence response report export serve "
    "recipes convert"
).split()


def test_help_lists_the_commands(run):
    code, output, _ = run("--help")
    assert code == 0
    for command in COMMANDS:
        assert f"  {command} " in output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run, command):
    code, output, _ = run(command, "--help")
    assert code == 0
    assert f"Usage: keras-resattn {command}" in output


def test_predict_prints_a_table(run, model_folder, pictures):
    code, output, _ = run("predict", model_folder.path, pictures[0])
    assert code == 0
    assert str(pictures[0].name) in output
    assert "bright" in output and "dark" in output


def test_predict_prints_json_lines(run, model_folder, pictures):
    code, output, _ = run("predict", model_folder.path, *pictures, "--json")
    answers = [json.loads(line) for line in output.splitlines()]
    expected = model_folder.predict(pictures)
    assert code == 0
    assert [answer["image"] for answer in answers] == [str(path) for path in pictures]
    for answer, row in zip(answers, expected, strict=True):
        probabilities = [answer["probabilities"][name] for name in ("bright", "dark")]
        assert probabilities == pytest.approx(row.tolist(), abs=1e-6)


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


def test_masks_draws_a_figure_an_image(run, model_folder, pictures, tmp_path):
    code, output, _ = run(
        "masks", model_folder.path, *pictures[:2], "--out", tmp_path / "masks"
    )
    files = sorted((tmp_path / "masks").iterdir())
    assert code == 0
    assert [path.name for path in files] == [
        f"{path.stem}.masks.png" for path in pictures[:2]
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files)
    assert output.splitlines() == [str(path) for path in files]


def test_masks_searches_folders_and_keeps_images_of_one_name_apart(
    run, model_folder, pictures, tmp_path
):
    for folder in ("a", "b/deep"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        shutil.copy(pictures[0], tmp_path / "in" / folder / f"0{pictures[0].suffix}")
    (tmp_path / "in" / "notes.txt").write_text("")
    out = tmp_path / "out"
    code, _, errors = run("masks", model_folder.path, tmp_path / "in", "--out", out)
    assert code == 0 and "left out: 1 .txt" in errors
    names = sorted(path.name for path in out.iterdir())
    assert names == ["0-2.masks.png", "0.masks.png"]


@pytest.mark.parametrize("view", ["amplification", "patterns", "mean"])
def test_masks_draws_other_views(run, model_folder, pictures, tmp_path, view):
    code, output, errors = run(
        *("masks", model_folder.path, *pictures[:2], "--out", tmp_path / "masks"),
        *("--view", view, "--patterns", 3),
    )
    assert (code, errors) == (0, "")
    assert len(output.splitlines()) == len(list((tmp_path / "masks").iterdir())) == 2


def test_explain_writes_what_python_computes(run, model_folder, photos, tmp_path):
    from keras_resattn.explain import feature_triptych
    from keras_resattn.explain import mean_masks

    out = tmp_path / "explained"
    code, output, errors = run(
        *("explain", model_folder.path, photos / "dark", "--out", out),
        *("--module", "stage2_attention1", "--channel", "3", "--no-figures"),
    )
    assert (code, errors) == (0, "")
    assert output == f"20 images are explained in {out / 'arrays.npz'}\n"
    arrays = np.load(out / "arrays.npz")
    paths = sorted((photos / "dark").iterdir())
    assert arrays["images"].tolist() == [str(path) for path in paths]
    inputs = model_folder.preprocessing.standardize(model_folder.images(paths))
    for name, mask in mean_masks(model_folder.model, inputs).items():
        np.testing.assert_allclose(arrays[f"{name}_mask"], mask, atol=1e-5)
    triptych = feature_triptych(model_folder.model, inputs, "stage2_attention1", 3)
    np.testing.assert_allclose(
        arrays["stage2_attention1_after"], triptych.after, rtol=1e-4, atol=1e-4
    )


def test_on_a_terminal_a_bar_shows_how_many_images_are_explained(
    run, model_folder, pictures, tmp_path, monkeypatch
):
    monkeypatch.setenv("FORCE_COLOR", "1")  # standard error passes for a terminal
    code, _, errors = run(
        *("explain", model_folder.path, *pictures, "--out", tmp_path / "explained"),
        "--no-figures",
    )
    assert code == 0
    assert "5/5" in re.sub(r"\x1b\[[\d;?]*\w", "", errors)


def test_explain_draws_figures_and_a_page(run, model_folder, pictures, tmp_path):
    out = tmp_path / "explained"
    code, output, _ = run(
        *("explain", model_folder.path, pictures[0], "--out", out),
        *("--channel", "gradient", "--class", "dark", "--style", "contour"),
        *("--view", "mean", "--stretch", "--channel-grid", "--animation", "png"),
    )
    stem = pictures[0].stem
    assert code == 0
    assert output == f"1 image is explained in {out / 'index.html'}\n"
    assert {path.name for path in out.iterdir()} == {
        "arrays.npz",
        "index.html",
        f"{stem}.masks.png",
        f"{stem}.triptych.png",
        f"{stem}.modules.apng",
        f"{stem}.stage1_attention1.channels-1.png",
        f"{stem}.stage2_attention1.channels-1.png",
    }
    assert np.load(out / "arrays.npz")["rule"] == "gradient"


def test_report_says_where_it_is(run, model_folder, tmp_path):
    path = tmp_path / "report.html"
    code, output, _ = run("report", model_folder.path, "--out", path, "--count", 1)
    assert code == 0
    assert output == f"The report is {path}\n"
    assert path.read_text().startswith("<!DOCTYPE html>")


def test_export_says_how_to_serve(run, model_folder, tmp_path):
    path = tmp_path / "served" / "small" / "1"
    code, output, _ = run("export", model_folder.path, path)
    assert code == 0
    assert f"keras-resattn serve {tmp_path / 'served'}" in output
    assert re.search(r"on 16 images .*largest difference \d.*same class on 100", output)
    assert (path / "saved_model.pb").is_file()


def test_export_takes_precision_optimization_and_images(
    run, model_folder, pictures, tmp_path
):
    path = tmp_path / "served" / "small" / "1"
    code, output, _ = run(
        *("export", model_folder.path, path, "--precision", "bfloat16"),
        *("--optimize", "--no-warmup"),
        *("--image", pictures[0], "--image", pictures[1]),
    )
    manifest = json.loads((path / "assets.extra" / "manifest.json").read_text())
    assert code == 0
    assert manifest["precision"] == "bfloat16"
    assert manifest["optimized"] is True
    assert manifest["batch_normalization_folded"] is True
    assert manifest["warmup_requests"] == 0
    assert "on 2 images given" in output


@pytest.mark.slow
def test_export_to_another_runtime_names_the_file(run, model_folder, tmp_path):
    path = tmp_path / "small_onnx"
    code, output, _ = run("export", model_folder.path, path, "--format", "onnx")
    assert code == 0
    assert "Compared with Keras in float32 on 16 images" in output
    assert output.endswith(f"The model is {path / 'model.onnx'}\n")


def bad_calls(model, picture, folder):
    """Yield arguments, exit code and what the one line must say."""
    empty, text = folder / "empty.png", folder / "text.png"
    empty.write_bytes(b"")
    text.write_text("no image")
    empty_folder = folder / "no_classes"
    empty_folder.mkdir()
    missing = folder / "missing"
    new = folder / "new"
    yield ("train", "nope", "--out", new), 1, "such recipe.*Received: nope"
    yield ("train", "demo", "--out", new, "--set", "a=b"), 1, "a: no such setting"
    yield (
        ("train", "folder", "--out", new, "--set", f"data.name={missing}"),
        1,
        f"no such folder.*Received: {missing}",
    )
    yield (
        (
            "train",
            "folder",
            "--out",
            new,
            "--set",
            f"data.name={folder / 'no_classes'}",
        ),
        1,
        "one per class.*Received",
    )
    yield (
        ("train", "demo", "--out", new, "--set", "network.input_shape=[4, 4, 1]"),
        1,
        r"at least 8x8.*Received: .*\(4, 4, 1\)",
    )
    for command in (
        ("evaluate", missing),
        ("predict", missing, picture),
        ("masks", missing, picture, "--out", new),
        ("explain", missing, picture, "--out", new),
        ("report", missing, "--out", new),
        ("export", missing, new / "1"),
    ):
        yield command, 1, f"There is no such model.*Received: {missing}"
    yield (
        ("serve", missing, "--port", "0", "--grpc-port", "0"),
        1,
        f"Received: {missing}",
    )
    yield ("export", model, new), 1, f"integer version.*Received: {new}"
    yield (
        ("export", model, new / "1", "--image", missing),
        1,
        f"no such file.*Received: {missing}",
    )
    for image in (empty, text, missing):
        yield ("predict", model, image), 1, f"Received: {image}"
        yield ("masks", model, image, "--out", new), 1, f"Received: {image}"
        yield ("explain", model, image, "--out", new), 1, f"Received: {image}"
    explain = ("explain", model, picture, "--out", new)
    yield (
        (*explain, "--module", "stage9"),
        1,
        "stage1_attention1, stage2_attention1. Choose.*Received: module='stage9'",
    )
    yield (*explain, "--channel", "16"), 1, "channels, 0 to.*Received: channel=16"
    yield (*explain, "--channel", "best"), 1, "rules.*Received: channel='best'"
    yield (*explain, "--class", "cat"), 1, "bright, dark.*Received: label='cat'"


def test_bad_input_is_one_line_with_name_and_remedy(
    run, model_folder, pictures, tmp_path
):
    for arguments, expected, message in bad_calls(
        model_folder.path, pictures[0], tmp_path
    ):
        code, output, errors = run(*arguments)
        lines = errors.splitlines()
        assert code == expected, (arguments, errors)
        assert len(lines) == 1, (arguments, errors)
        assert re.search(message, lines[0]), (arguments, lines)
        assert "Received: " in lines[0]
        assert output == ""
        assert not (tmp_path / "new").exists(), arguments
        assert not (tmp_path / "new.partial").exists(), arguments


def test_wrong_usage_is_exit_code_2(run, tmp_path):
    onnx = ("export", "model", tmp_path / "new", "--format", "onnx")
    for arguments, message in (
        (("train",), "Received: neither"),
        (("nonsense",), "No such command"),
        (("predict", "--wrong"), "No such option"),
        ((*onnx, "--precision", "bfloat16"), "--format savedmodel. Received: --format"),
        ((*onnx, "--optimize"), "--format savedmodel. Received: --format onnx"),
    ):
        code, output, errors = run(*arguments)
        assert (code, output) == (2, ""), arguments
        assert errors.startswith("Usage: keras-resattn"), arguments
        assert message in errors.splitlines()[-1], arguments
    assert not list(tmp_path.iterdir())


def test_a_busy_port_is_named(run, served):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        code, _, errors = run("serve", served, "--port", port)
    assert code == 1
    assert len(errors.splitlines()) == 1
    assert f"Received: 127.0.0.1:{port}" in errors
    assert "--port" in errors


def test_debug_shows_the_traceback(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no such model"):
        run("--debug", "evaluate", tmp_path / "missing")


def test_serve_passes_every_setting_on(run, monkeypatch, tmp_path):
    import dataclasses

    import keras_resattn_server

    received = {}
    monkeypatch.setattr(
        keras_resattn_server,
        "serve",
        lambda base, **options: received.update(options, base=base),
    )
    run("serve", tmp_path)
    defaults = dataclasses.asdict(keras_resattn_server.ServerOptions())
    del defaults["labels"]  # the model config file's, here
    assert received == {**defaults, "base": tmp_path}
    settings = "--no-grpc --model-config-file x --max-num-load-retries 0".split()
    run("serve", *settings)
    assert received["base"] is None
    assert received["grpc_port"] is None
    assert str(received["model_config_file"]) == "x"
    assert received["max_num_load_retries"] == 0
