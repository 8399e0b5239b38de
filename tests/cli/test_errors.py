"""Errors of the command: exit codes, and one line with a remedy."""

import importlib.util
import re
import socket

import pytest


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
    yield (
        ("train", empty_folder, "--out", new),
        1,
        f"`keras-resattn train folder --set data.name={empty_folder} --out runs/",
    )
    yield (
        ("train", model, "--out", new),
        1,
        f"is a run.*`keras-resattn train {model} --extend EPOCHS --out FOLDER`",
    )
    (folder / "stopped.partial").mkdir()
    yield (
        ("predict", folder / "stopped", picture),
        1,
        f"has not ended.*`keras-resattn train --resume {folder / 'stopped'}`",
    )
    yield ("summary", "atention56"), 1, "Did you mean attention56[?].*Received: aten"
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
        r"images of 8 x 8 pixels or more. Received: .*\[4, 4, 1\]",
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
    file = __file__
    onnx = ("export", "model", tmp_path / "new", "--format", "onnx")
    for arguments, message in (
        (("train",), "Received: neither"),
        (("nonsense",), "No such command"),
        (("predict", "--wrong"), "No such option"),
        ((*onnx, "--precision", "bfloat16"), "--format savedmodel. Received: --format"),
        ((*onnx, "--plain"), "--format savedmodel. Received: --format onnx"),
        ((*onnx, "--precision", "int8"), "Received: no --calibrate"),
        ((*onnx, "--data-dir", "data"), "Received: --data-dir data"),
        ((*onnx, "--calibrate", "photos"), "--calibrate photos --precision float32"),
        (
            (*onnx[:3], "--precision", "int8", "--calibrate", "photos"),
            "Received: --format savedmodel",
        ),
        (("serve",), "--model-config-file FILE. Received: neither"),
        (("serve", "x", "--model-config-file", file), "BASE, --model-config-file"),
        (("serve", "x", "--tls-key", file), "--tls-key only works with --tls-cert"),
        (("serve", "x", "--api-key-file", "y"), "'y' does not exist"),
        (("serve", "x", "--cors-origin", "y"), "with --rest-api-enable-cors-support"),
        (("serve", "x", "--max-request-memory", "5"), "max_request_memory=5, "),
    ):
        code, output, errors = run(*arguments)
        assert (code, output) == (2, ""), arguments
        assert errors.startswith("Usage: keras-resattn"), arguments
        assert message in errors.splitlines()[-1], arguments
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("model", ["served", "cifar10"])
def test_a_busy_port_is_named(run, served, model):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        base = served if model == "served" else model
        code, output, errors = run("serve", base, "--port", port)
    assert (code, output) == (1, "")
    assert len(errors.splitlines()) == 1
    assert f"Received: 127.0.0.1:{port}" in errors
    assert "--port" in errors


def test_a_missing_option_is_named_once(run):
    code, _, errors = run("explain", "cifar10", "photo.jpg")
    assert code == 2
    assert errors.splitlines()[-1].endswith("Missing option '--out'.")


def test_a_backend_that_is_not_installed_is_named_before_any_work(run, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    code, _, errors = run("evaluate", "cifar10")
    assert code == 1
    assert re.search(
        r"^Error: KERAS_BACKEND=jax needs the extra `jax`\. Install", errors
    )


def test_debug_shows_the_traceback(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no such model"):
        run("--debug", "evaluate", tmp_path / "missing")
