"""Generate the pages of the Python reference, one for each public module."""

import ast
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path

from examples import fenced

ROOT = Path(__file__).parents[2]
# Functions make the networks in these modules. Their signatures and docstrings exist
# only at run time, so they are written into a module that mkdocstrings can read.
NETWORKS = (
    "keras_resattn",
    "keras_resattn.cifar",
    "keras_resattn.baselines",
    "keras_resattn.compatibility.pytorchcv",
)
MODULES = (
    *NETWORKS,
    "keras_resattn.compatibility",
    "keras_resattn.layers",
    "keras_resattn.weights",
    "keras_resattn.zoo",
    "keras_resattn.data",
    "keras_resattn.recipes.files",
    "keras_resattn.model_folder",
    "keras_resattn.keras_file",
    "keras_resattn.hub",
    "keras_resattn.training",
    "keras_resattn.export",
    "keras_resattn.convert",
    "keras_resattn.explain",
    "keras_resattn.explain.metrics",
    "keras_resattn.experiments",
    "keras_resattn.explore",
    "keras_resattn.on_ray.training",
    "keras_resattn.on_ray.prediction",
    "keras_resattn.on_ray.server",
    "keras_resattn_client",
    "keras_resattn_server",
)


def source(module: str) -> Path:
    """Return the file of a module."""
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def public_names(module: str) -> dict[str, str]:
    """Return the public names of a module, and the place where each is defined.

    They are the names in `__all__` or in the stub of a lazy package. Other modules
    have the names that they define. The sources are read, so that the packages do not
    have to be imported.
    """
    path = source(module)
    if path.with_suffix(".pyi").exists():
        return imported(module, path.with_suffix(".pyi"))
    exported = declared(path)
    if exported is None:
        return {name: f"{module}.{name}" for name in [*defined(path), *made(module)]}
    places = imported(module, path)
    return {name: places[name] for name in exported}


def declared(path: Path) -> list[str] | None:
    """Return the names in `__all__`, or `None` if a file has no `__all__`."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def imported(module: str, path: Path) -> dict[str, str]:
    """Return the names that a file imports, and where from."""
    return {
        alias.name: f"{module + '.' if node.level else ''}{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def defined(path: Path) -> list[str]:
    """Return the public functions and classes that a file defines."""
    body = ast.parse(path.read_text("utf-8")).body
    kinds = (ast.FunctionDef, ast.ClassDef)
    names = [node.name for node in body if isinstance(node, kinds)]
    return [name for name in names if not name.startswith("_")]


def made(module: str) -> dict[str, Callable[..., object]]:
    """Return the networks of a module that `keras_resattn.builder.named` made."""
    if module not in NETWORKS:
        return {}
    return {
        name: value
        for name, value in vars(importlib.import_module(module)).items()
        if hasattr(value, "__signature__") and value.__module__ == module
    }


def module_of_networks(module: str) -> str:
    """Return Python code with the signatures and docstrings of a module's networks."""
    imports = "import collections, keras, keras_resattn, os, typing\n"
    imports += "from keras_resattn import Stage\n"  # the defaults of `stages`
    return imports + "".join(
        f"\ndef {name}{inspect.signature(network)}:\n    {network.__doc__!r}\n"
        for name, network in made(module).items()
    )


def page(module: str) -> str:
    """Return the page of a module, with an entry for each public name."""
    summary = ast.get_docstring(ast.parse(source(module).read_text("utf-8"))) or ""
    lines = [f"# {module}", "", fenced(summary), ""]
    networks = made(module)
    for name, place in sorted(public_names(module).items()):
        if f"{module}.{name}" in MODULES:
            lines += [f"## {name}", "", f"See [{name}]({module}.{name}.md).", ""]
        elif name in networks:
            lines += [f"::: networks.{module.replace('.', '_')}.{name}", ""]
        else:
            lines += [f"::: {place}", ""]
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """Return the pages by their names, without folder and extension."""
    return {module: page(module) for module in MODULES}
