"""`keras-resattn explore` by its errors; the page itself needs a browser."""

import socket
import sys

from tests.cli.conftest import run

__all__ = ["run"]


def test_the_command_explains_itself(run):
    code, output, _ = run("explore", "--help")
    assert code == 0
    for option in ("--host", "--port", "--open", "--no-open"):
        assert option in output


def test_a_folder_that_is_no_model_is_an_error(run, tmp_path):
    code, _, errors = run("explore", tmp_path / "missing")
    assert code == 2
    assert "not a model folder, it lacks model.keras" in errors
    assert errors.strip().endswith(f"Received: {tmp_path / 'missing'}")


def test_examples_that_are_missing_are_an_error(run, model_folder, tmp_path):
    code, _, errors = run("explore", model_folder.path, tmp_path / "cat.png")
    assert code == 2
    assert errors.strip().endswith(f"Received: {tmp_path / 'cat.png'}")


def test_a_port_that_is_taken_is_an_error(run, model_folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, errors = run("explore", model_folder.path, "--port", port)
    assert code == 1
    assert "Address already in use" in errors and "another port with --port" in errors
    assert errors.strip().endswith(f"Received: 127.0.0.1:{port}")


def test_without_gradio_the_error_says_what_to_install(run, model_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    code, _, errors = run("explore", model_folder.path, "--port", 0)
    assert code == 1
    assert 'pip install "keras-resattn[explore]"' in errors
