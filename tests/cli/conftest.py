import re
import signal
import subprocess
import sys

import pytest

from keras_resattn_cli import main as cli


@pytest.fixture
def run(monkeypatch, capfd):
    """Run `keras-resattn ARGUMENTS...`; return exit code, output and errors."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("KERAS_RESATTN_DEBUG", "")
    # `serve` sets it for its process, and here other models change their kernels.
    monkeypatch.setenv("TF_ONEDNN_ASSUME_FROZEN_WEIGHTS", "0")

    def run(*arguments):
        arguments = [str(argument) for argument in arguments]
        monkeypatch.setattr("sys.argv", ["keras-resattn", *arguments])
        capfd.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as exit:
            code = exit.code or 0
        output, errors = capfd.readouterr()
        return code, output, errors

    return run


@pytest.fixture(scope="session")
def urls(served):
    """The URLs of a server in a process of its own: REST and gRPC."""
    command = [sys.executable, "-m", "keras_resattn_cli", "serve", served]
    process = subprocess.Popen(
        [*command, "--port", "0", "--grpc-port", "0"], stdout=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline() for _ in range(2)]  # the model, and gRPC
    rest = re.search(r"http://[^/]+", lines[0])[0]
    yield rest, "grpc://" + lines[1].split()[-1]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


@pytest.fixture(scope="session")
def rest_url(urls):
    return urls[0]
