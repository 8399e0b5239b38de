import pytest

from keras_resattn_cli import main as cli
from tests.client.conftest import rest_url  # noqa: F401 it is a fixture
from tests.client.conftest import urls  # noqa: F401 it is a fixture


@pytest.fixture
def run(monkeypatch, capfd):
    """Run `keras-resattn ARGUMENTS...`; return exit code, output and errors."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("KERAS_RESATTN_DEBUG", "")

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
