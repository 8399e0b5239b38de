"""The references of the documentation site are complete."""

import importlib
import importlib.util
from pathlib import Path

import pytest
import typer

from keras_resattn.recipes.files import load_recipe
from keras_resattn_cli.main import app

ROOT = Path(__file__).parents[1]
SITE = ROOT / "docs" / "site"
pytestmark = pytest.mark.one_backend

# Packages of which users call nothing.
INTERNAL = {"keras_resattn.data.fashion_mnist_sample"}
OPTIONAL = {"keras_resattn.explore": "gradio"}


@pytest.fixture
def site(monkeypatch):
    """Return a function that imports a script of the site."""
    monkeypatch.syspath_prepend(SITE)
    return importlib.import_module


def test_every_package_with_public_names_has_a_page(site):
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in ROOT.glob("keras_resattn*/**/__init__.py")
        if "__all__" in path.read_text("utf-8")
    }
    assert len(packages) > 10
    pages = site("python_reference").pages()
    assert packages - INTERNAL <= set(pages)


def test_every_public_name_has_an_entry(site):
    for module, page in site("python_reference").pages().items():
        if importlib.util.find_spec(OPTIONAL.get(module, "keras")) is None:
            continue
        if ".on_ray" in module and importlib.util.find_spec("ray") is None:
            continue
        names = getattr(importlib.import_module(module), "__all__", None)
        entries = [
            line.split()[-1].rpartition(".")[2]
            for line in page.splitlines()
            if line.startswith((":::", "## "))
        ]
        assert entries, module
        if names is not None:
            assert sorted(entries) == sorted(names), module


def test_networks_are_documented_with_their_own_signature(site):
    code = site("python_reference").module_of_networks("keras_resattn.cifar")
    documented = {}
    exec(compile(code, "networks", "exec"), documented)
    network = importlib.import_module("keras_resattn.cifar").Attention452
    assert "t: int = 4" in code
    assert documented["Attention452"].__doc__ == network.__doc__


def settings(section, prefix=""):
    """Yield the names of the settings in a recipe, such as `train.epochs`."""
    for name, value in section.items():
        yield f"{prefix}{name}"
        if isinstance(value, dict) and name != "arguments":
            yield from settings(value, f"{prefix}{name}.")


def test_every_recipe_setting_has_an_entry_with_range_and_default(site):
    reference = site("command_reference")
    recipe = load_recipe("cifar10_attention56_modern").model_dump()
    names = set(settings(recipe))
    assert {"train.epochs", "augmentation.rand_augment.factor"} <= names
    page = reference.settings_page()
    assert [name for name in sorted(names) if f"| `{name}` | " not in page] == []
    for row in (
        "| `train.epochs` | integer above 0 | `30` |",
        "| `train.label_smoothing` | number at least 0 and below 1 | `0.0` |",
        "| `data.validation` | number above 0 and below 1 or `version_0.1` or null |",
    ):
        assert row in page


def test_every_command_and_option_has_an_entry(site):
    page = site("command_reference").commands_page()
    sections = dict(
        part.split("\n", 1) for part in ("\n" + page).split("\n## ")[1:] if part
    )
    missing, count = [], 0
    for name, command in commands(typer.main.get_command(app)):
        section = sections[f"keras-resattn {name}".strip()]
        for parameter in command.params:
            if getattr(parameter, "hidden", False):
                continue
            for option in parameter.opts:
                count += 1
                shown = option if option.startswith("-") else parameter.metavar
                if shown and f"{shown}" not in section:
                    missing.append((name, option))
    assert count > 100
    assert missing == []


def commands(command, name=""):
    """Yield each command with its full name."""
    yield name, command
    for below, child in getattr(command, "commands", {}).items():
        yield from commands(child, f"{name} {below}".strip())


def test_examples_in_docstrings_are_shown_as_code(site):
    fenced = site("examples").fenced
    text = "Return it.\n\n>>> f(1)[:4]\n[2]\n\nArgs:\n    x: A number.\n"
    assert fenced(text) == (
        "Return it.\n\n```pycon\n>>> f(1)[:4]\n[2]\n```\n\nArgs:\n    x: A number.\n"
    )


def test_a_page_that_loads_from_another_host_is_found(site, tmp_path):
    check_offline = site("make_site").check_offline
    page = tmp_path / "page.html"
    page.write_text('<a href="https://a.b">a</a><script src="../local.js"></script>')
    check_offline(tmp_path)
    page.write_text('<script async src="https://a.b/script.js"></script>')
    with pytest.raises(ValueError, match="other hosts"):
        check_offline(tmp_path)


def test_pages_are_copied_with_what_they_link_to(site, tmp_path, monkeypatch):
    make_site = site("make_site")
    monkeypatch.setattr(make_site, "ROOT", tmp_path / "repository")
    monkeypatch.setattr(make_site, "PAGES", tmp_path / "pages")
    source = tmp_path / "repository" / "docs" / "a.md"
    make_site.write(source, "![b](b.svg) [c](../README.md#x) [d](d) [e](https://a.b)")
    make_site.write(source.with_name("b.svg"), "<svg/>")
    make_site.write(source.parents[1] / "README.md", "# Home")
    (source.parent / "d").mkdir()
    make_site.copy(source)
    copied = (tmp_path / "pages" / "docs" / "a.md").read_text()
    assert copied == "![b](b.svg) [c](../index.md#x) d [e](https://a.b)"
    assert (tmp_path / "pages" / "docs" / "b.svg").exists()
    assert (tmp_path / "pages" / "index.md").exists()
    make_site.write(source.with_name("f.md"), "[g](missing.md)")
    with pytest.raises(FileNotFoundError, match="missing.md"):
        make_site.copy(source.with_name("f.md"))


def test_every_page_of_the_documentation_is_in_the_navigation(site):
    navigation = (SITE / "zensical.toml").read_text("utf-8")
    pages = [page.name for page in (ROOT / "docs").glob("*.md")]
    assert len(pages) > 15
    assert [page for page in pages if f'"docs/{page}"' not in navigation] == []


def test_the_drawings_are_of_the_networks_as_they_are(site, tmp_path, monkeypatch):
    architecture = site("architecture")
    monkeypatch.setattr(architecture, "DOCS", tmp_path)
    architecture.main()
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == ["attention56.svg", "soft_mask_branch.svg"]
    for name in drawn:
        assert (tmp_path / name).read_text() == (ROOT / "docs" / name).read_text()
