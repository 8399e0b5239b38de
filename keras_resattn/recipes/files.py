"""Reading recipes from YAML: a base, overrides, and errors that name the line."""

import difflib
import functools
import re
import typing
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydantic
import yaml

from keras_resattn.recipes.arguments import check_argument
from keras_resattn.recipes.faults import Key
from keras_resattn.recipes.faults import Places
from keras_resattn.recipes.faults import explain
from keras_resattn.recipes.faults import place_of
from keras_resattn.recipes.faults import section_class
from keras_resattn.recipes.settings import VERSION_0_1
from keras_resattn.recipes.settings import Recipe
from keras_resattn.recipes.stages import check_filters
from keras_resattn.recipes.stages import check_size
from keras_resattn.typing import StrPath

FOLDER = Path(__file__).parent
# What YAML reads as numbers of base 8 and 60.
NO_DECIMAL = re.compile(r"[-+]?(0[0-9_]+|[1-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")
EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+")
NULL = ("", "~", "null", "Null", "NULL")  # YAML for nothing
DATA_OF_VERSION_0_1 = {"name", "data_dir", "download", "on_error", "correct_labels"}


def list_recipes() -> list[str]:
    """Return the names of the recipes that are part of the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_recipe(
    name: StrPath,
    overrides: Sequence[str] = (),
    to_build: bool = True,
    allow_code: bool = False,
) -> Recipe:
    """Read and check a recipe.

    A recipe with `base: other` takes every setting that it does not state itself
    from that recipe. `other` is a name, or a path relative to the recipe's file.

    Example:

    >>> load_recipe("cifar10_attention56", ["train.epochs=30"]).train.epochs
    30

    Args:
        name: A name in `list_recipes()` or the path of a YAML file.
        overrides: Settings to change, each as `"section.key=value"`.
        to_build: Whether the network must be one of `list_models()`, with arguments
            that it takes.
        allow_code: Whether the module of a basic unit that the recipe names as
            `module:Class` may be imported. This runs its code.

    Returns:
        A `Recipe`.

    Raises:
        FileNotFoundError: If there is no such recipe.
        ValueError: If the file is not YAML, or a setting is unknown or out of
            range.
    """
    settings, places = _read(find_recipe(str(name)), str(name))
    for override in overrides:
        _override(settings, places, override)
    try:
        recipe = Recipe.model_validate(settings, context={"to_build": to_build})
    except pydantic.ValidationError as error:
        raise ValueError(explain(error, places, name)) from error
    if to_build:
        _check_arguments(recipe, places, name, allow_code)
    return recipe


def _check_arguments(
    recipe: Recipe, places: Places, name: StrPath, allow_code: bool
) -> None:
    network = recipe.network
    checks: list[tuple[Key, Callable[[], None]]] = [
        *(
            (
                ("arguments", argument),
                functools.partial(check_argument, network, argument, allow_code),
            )
            for argument in network.arguments
        ),
        (("input_shape",), functools.partial(check_size, network)),
        (("arguments", "stages"), functools.partial(check_filters, network)),
    ]
    for keys, check in checks:
        try:
            check()
        except ValueError as error:
            place = place_of(("network", *keys), places, name)
            raise ValueError(f"{place}: {error}") from error


def find_recipe(name: str) -> Path:
    """Return the path of a recipe of the package, or of a recipe file."""
    if name in list_recipes():
        return FOLDER / f"{name}.yaml"
    if Path(name).is_file():
        return Path(name)
    close = difflib.get_close_matches(name, list_recipes(), n=1)
    hint = f"Did you mean '{close[0]}'? " if close else ""
    raise FileNotFoundError(
        f"There is no such recipe. {hint}{_folder_hint(Path(name))}`keras-resattn "
        "recipes` lists the names; you can also give the path of a YAML file. "
        f"Received: {name}"
    )


def _folder_hint(path: Path) -> str:
    if (path / "recipe.yaml").is_file():
        return (
            "This folder is a run. To repeat it, give its recipe.yaml; to train "
            f"longer, `keras-resattn train {path} --extend EPOCHS --out FOLDER`. "
        )
    if path.is_dir():
        return (
            "To train on this folder of images: `keras-resattn train folder "
            f"--set data.name={path.resolve()} --out runs/{path.resolve().name}`. "
        )
    return ""


def _read(
    path: Path, name: str, inheriting: tuple[Path, ...] = ()
) -> tuple[dict[str, Any], Places]:
    """Return the settings in a file and its bases, and where each is stated."""
    if path in inheriting:
        raise ValueError(
            "This recipe is its own base, directly or through others; remove one of "
            f"these `base` settings. Received: {name}"
        )
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
        settings = yaml.SafeLoader("").construct_document(node) if node else None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"This recipe is not valid YAML: {reason}. Received: {name}"
        ) from error
    if not isinstance(settings, dict) or not isinstance(node, yaml.MappingNode):
        raise ValueError(
            "A recipe is a YAML mapping of sections (data, network, ...). "
            f"Received: {name}"
        )
    places = dict(_places(node, name))
    _add_rule_of_version_0_1(settings)
    base = settings.pop("base", None)
    if base is None:
        return settings, places
    beside = path.parent / str(base)
    base_path = beside if beside.is_file() else find_recipe(str(base))
    base_settings, base_places = _read(base_path, str(base), (*inheriting, path))
    return _merge(base_settings, settings), base_places | places


def _add_rule_of_version_0_1(settings: dict[str, Any]) -> None:
    """Add to a recipe that version 0.1 saved how that version divided the images.

    Saved recipes state every setting, and version 0.1 had exactly these.
    """
    data = settings.get("data")
    if isinstance(data, dict) and set(data) == DATA_OF_VERSION_0_1:
        data["validation"] = VERSION_0_1


def _places(
    node: yaml.MappingNode, name: str, sections: Key = ()
) -> Iterator[tuple[Key, str]]:
    """Yield each key of a file with the file's name and the line."""
    seen: set[str] = set()
    for key, value in node.value:
        here = (*sections, key.value)
        place = f"Recipe {name}, line {key.start_mark.line + 1}, {'.'.join(here)}"
        if key.value in seen:
            raise ValueError(f"{place}: given twice; remove one. Received: {name}")
        seen.add(key.value)
        yield here, place
        if isinstance(value, yaml.MappingNode):
            yield from _places(value, name, here)


def _merge(base: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in settings.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if both else value
    return merged


def _override(settings: dict[str, Any], places: Places, override: str) -> None:
    key, equals, value = override.partition("=")
    keys = tuple(key.strip().split("."))
    if not equals or not all(keys):
        raise ValueError(
            "Change a setting with `section.key=value`, such as `train.epochs=10`. "
            f"Received: {override}"
        )
    for section in keys[:-1]:
        if settings.get(section) is None:
            settings[section] = {}
        settings = settings[section]
        if not isinstance(settings, dict):
            raise ValueError(
                f"'{section}' is a setting, not a section; leave out what follows it. "
                f"Received: {override}"
            )
    try:
        settings[keys[-1]] = _value(keys, value)
    except yaml.YAMLError as error:
        raise ValueError(
            f"This value is not valid YAML; put it in quotes. Received: {override}"
        ) from error
    for length in range(1, len(keys) + 1):
        places.setdefault(keys[:length], f"Setting {'.'.join(keys[:length])}")
    places[keys] = f"Setting {'.'.join(keys)}"


def _value(keys: Key, text: str) -> Any:
    """Return the value of a setting that a text states.

    A setting that is a text is taken as it is, unless it is in quotes: "#", "no" and
    "2024" in the path of a folder have no other meaning.
    """
    is_plain = text.strip() not in NULL and not text.strip().startswith(("'", '"'))
    text = text.strip()
    if is_plain and _is_text(keys):
        return text
    value = yaml.safe_load(text)
    if isinstance(value, int | float) and NO_DECIMAL.fullmatch(text):
        raise ValueError(
            f"YAML reads this number as {value}. Write it without zeros before it and "
            f"without colons. Received: {'.'.join(keys)}={text}"
        )
    # YAML takes 1e-3 for a text, because it has no point.
    return (
        float(value) if isinstance(value, str) and EXPONENT.fullmatch(text) else value
    )


def _is_text(keys: Key) -> bool:
    """Return whether a setting is a text, or a text that may be absent."""
    try:
        annotation = section_class(keys[:-1]).model_fields[keys[-1]].annotation
    except (KeyError, StopIteration, TypeError):
        return False  # no such setting, which the check of the recipe reports
    return {*(typing.get_args(annotation) or (annotation,))} in (
        {str},
        {str, type(None)},
    )
