"""The command by its exit codes and output, in this process."""

import json
import re

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


def test_report_says_where_it_is(run, model_folder, tmp_path):
    path = tmp_path / "report.html"
    code, output, _ = run("report", model_folder.path, "--out", path, "--count", 1)
    assert code == 0
    assert output == f"The report is {path}.\n"
    assert path.read_text().startswith("<!DOCTYPE html>")


def test_export_says_how_to_serve(run, model_folder, tmp_path):
    path = tmp_path / "served" / "small" / "1"
    code, output, _ = run("export", model_folder.path, path)
    assert code == 0
    assert f"keras-resattn serve {tmp_path / 'served'}" in output
    assert re.search(
        r"on 16 images .*largest difference \d.*same class on 100\.0%\.\n", output
    )
    assert (path / "saved_model.pb").is_file()


def test_export_takes_precision_folding_and_images(
    run, model_folder, pictures, tmp_path
):
    path = tmp_path / "served" / "small" / "1"
    code, output, _ = run(
        *("export", model_folder.path, path, "--precision", "bfloat16"),
        *("--plain", "--fold-batch-norm", "--no-warmup"),
        *("--image", pictures[0], "--image", pictures[1]),
    )
    manifest = json.loads((path / "assets.extra" / "manifest.json").read_text())
    assert code == 0
    assert manifest["precision"] == "bfloat16"
    assert manifest["optimized"] is False
    assert manifest["batch_normalization_folded"] is True
    assert manifest["warmup_requests"] == 0
    assert "on 2 images given" in output


@pytest.mark.slow
def test_export_to_another_runtime_names_the_file(run, model_folder, tmp_path):
    path = tmp_path / "small_onnx"
    code, output, _ = run("export", model_folder.path, path, "--format", "onnx")
    assert code == 0
    assert "Compared with Keras in float32 on 16 images" in output
    assert output.endswith(f"The model is {path / 'model.onnx'}.\n")


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
    file = tmp_path / "models.config"
    file.touch()
    settings = ("--no-grpc", "--model-config-file", file, "--max-num-load-retries", 0)
    run("serve", *settings)
    assert received["base"] is None
    assert received["grpc_port"] is None
    assert received["model_config_file"] == file
    assert received["max_num_load_retries"] == 0
