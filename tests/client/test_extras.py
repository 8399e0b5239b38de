import configparser
import importlib.metadata
import sys
from pathlib import Path

import pytest

from keras_resattn_client import extras

SETTINGS = configparser.ConfigParser(interpolation=None)
SETTINGS.read(Path(__file__).parents[2] / "setup.cfg")


def test_every_extra_is_one_of_the_package():
    assert set(extras.MODULES) <= set(SETTINGS["options.extras_require"])


def test_an_installed_extra_passes():
    extras.require_extra("client", "The client")


def test_a_missing_module_is_named_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ImportError) as raised:
        extras.require_extra("client", "The client")
    message = str(raised.value)
    assert message.startswith("The client needs the extra `client`. Install it: pip")
    assert message.endswith("Received: missing modules ['httpx']")


def test_the_command_names_the_clone():
    clone = Path(extras.__file__).parents[1]
    expected = f'pip install --editable "{clone}[vis]"'
    assert extras.install_command("vis") == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (None, 'pip install "keras-resattn[vis]"'),
        (
            '{"url": "file:///a/b.whl"}',
            'pip install "keras-resattn[vis] @ file:///a/b.whl"',
        ),
    ],
)
def test_the_command_names_the_wheel(monkeypatch, tmp_path, source, expected):
    class Distribution:
        def read_text(self, name):
            assert name == "direct_url.json"
            return source

    monkeypatch.setattr(extras, "__file__", str(tmp_path / "a" / "extras.py"))
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Distribution())
    assert extras.install_command("vis") == expected
