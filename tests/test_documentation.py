"""What the documents for developers name must exist."""

import importlib
import importlib.util
import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("docs/design.md", "CONTRIBUTING.md")
# `keras_resattn.data.load`, also with an argument list behind it.
NAME = re.compile(r"`(keras_resattn(?:_\w+)?(?:\.\w+)*)(?:\(.*?\))?`")
PATH = re.compile(r"`((?:[\w.]+/)+[\w.]*|\w+\.(?:py|md|toml|cfg|yaml))`")


def names(text):
    """Return the Python names in a document, each once."""
    return sorted(set(NAME.findall(text)))


def paths(text):
    """Return the relative paths of files and folders in a document, each once."""
    return sorted(set(PATH.findall(text)))


def find(name):
    """Import the module in a dotted name; return what the rest of the name is."""
    module, rest = importlib.import_module(name.split(".")[0]), name.split(".")[1:]
    value = module
    for i, part in enumerate(rest):
        try:
            value = getattr(value, part)
        except AttributeError:
            value = importlib.import_module(".".join([module.__name__, *rest[: i + 1]]))
    return value


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_name_exists(document):
    found = names((ROOT / document).read_text(encoding="utf-8"))
    assert found
    missing = []
    for name in found:
        try:
            find(name)
        except ImportError:
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_exists(document):
    found = paths((ROOT / document).read_text(encoding="utf-8"))
    assert found
    assert [path for path in found if not (ROOT / path).exists()] == []


def test_modules_that_moved_are_only_at_their_new_place():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    moved = re.findall(r"^ *\| `([\w.]+)` \| `([\w.]+)` \|$", changelog, re.MULTILINE)
    assert len(moved) > 60
    assert [new for _, new in moved if not is_module(new)] == []
    assert [old for old, _ in moved if is_module(old)] == []


def is_module(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the package that it is in
        return False


def test_a_wrong_name_and_a_wrong_path_are_found():
    text = "`keras_resattn.data.load`, `keras_resattn.no(x)`, `docs/` and `docs/no.md`"
    assert names(text) == ["keras_resattn.data.load", "keras_resattn.no"]
    assert paths(text) == ["docs/", "docs/no.md"]
    with pytest.raises(ImportError):
        find("keras_resattn.no")
    with pytest.raises(ImportError):
        find("keras_resattn.data.load.no")


def test_figures_with_colour_scales_have_all_their_colours():
    # Lines have few colours. A palette would change those of a scale.
    lines = {"response.png", "response_at_initialization.png"}
    figures = {path for path in (ROOT / "docs").glob("*.png") if path.name not in lines}
    palettes = {path.name for path in figures if Image.open(path).mode == "P"}
    assert figures and not palettes
