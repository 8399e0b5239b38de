"""`keras-resattn explore` by its errors; the page itself needs a browser."""

import re
import socket
import subprocess
import sys

import pytest

from keras_resattn.explore.serve import listen
from tests.cli.conftest import run

__all__ = ["run"]


def test_the_command_explains_itself(run):
    code, output, _ = run("explore", "--help")
    assert code == 0
    for option in ("--host", "--port", "--open", "--no-open"):
        assert option in output


def test_a_folder_that_is_no_model_is_an_error(run, stand_in, tmp_path):
    stand_in("gradio")
    code, _, errors = run("explore", tmp_path / "missing")
    assert code == 1
    assert "There is no such model" in errors
    assert errors.strip().endswith(f"Received: {tmp_path / 'missing'}")


def test_examples_that_are_missing_are_an_error(run, stand_in, model_folder, tmp_path):
    stand_in("gradio")
    code, _, errors = run("explore", model_folder.path, tmp_path / "cat.png")
    assert code == 1
    assert errors.strip().endswith(f"Received: {tmp_path / 'cat.png'}")


def test_a_port_that_is_taken_is_an_error(run, stand_in, model_folder):
    stand_in("gradio")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, errors = run("explore", model_folder.path, "--port", port)
    assert code == 1
    assert "Address already in use" in errors and "another port with --port" in errors
    assert errors.strip().endswith(f"Received: 127.0.0.1:{port}")


@pytest.mark.parametrize("module", ["gradio", "PIL", "tf_keras_vis"])
def test_a_missing_extra_is_an_error_before_the_port_is_bound(
    run, stand_in, model_folder, monkeypatch, module
):
    stand_in("gradio")
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr("socket.create_server", None)
    code, _, errors = run("explore", model_folder.path, "--port", 0)
    assert code == 1
    assert re.search(r"pip install .*\[explore\]", errors)
    assert f"missing modules ['{module}']" in errors


def test_the_explorer_needs_no_extra():
    code = (
        "import sys\n"
        "for name in ('gradio', 'jinja2', 'matplotlib', 'PIL', 'tf_keras_vis'):\n"
        "    sys.modules[name] = None\n"
        "from keras_resattn.explore import Explorer\n"
        "print(Explorer.__name__)"
    )
    assert subprocess.check_output([sys.executable, "-c", code]) == b"Explorer\n"


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("no.such.host.invalid", 0, r"at this address \((?!Unknown).*with --host"),
        ("192.0.2.1", 0, "at this address.*an address of this machine"),
        ("127.0.0.1", 70_000, "on this port.*Choose another port with --port"),
    ],
)
def test_the_reason_why_it_cannot_listen_is_the_right_one(host, port, message):
    with pytest.raises(OSError, match=f"{message}.*Received: {host}:{port}"):
        listen(host, port)
