"""Explain a fault in a recipe as one sentence, with its place and a remedy."""

import difflib
import re
import typing
from collections.abc import Sequence
from typing import Any
from typing import TypeAlias

import pydantic

from keras_resattn.recipes.settings import Recipe
from keras_resattn.typing import StrPath

# The names of a setting and of the sections that it is in.
Key: TypeAlias = tuple[str, ...]
# Where a setting is stated, as errors name it.
Places: TypeAlias = dict[Key, str]
# Names that pydantic gives to the choices of a union.
CHOICE = re.compile(r"(dict|literal|constrained-\w+)\[|\[key\]$")


def explain(error: pydantic.ValidationError, places: Places, name: StrPath) -> str:
    """Return the first fault of a validation error as one sentence."""
    first = _first_fault(error)
    keys = tuple(str(part) for part in first["loc"] if not CHOICE.match(str(part)))
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if first["type"] == "extra_forbidden":
        message = f"no such setting; {_closest(keys[-1], _fields(keys[:-1]))}"
    elif first["type"] == "literal_error":
        allowed = first["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        message += f"; {_closest(str(first['input']), allowed.split(', '))}"
    elif first["type"] == "model_type":
        one = f"{'.'.join(keys)}.{_fields(keys)[0]}"
        message = f"this is a section; set one of its settings, such as {one}"
    elif first["loc"][-1:] == ("[key]",):
        message = "write names of classes in quotes, such as 'no' or '7'"
        keys = keys[:-1]
    if " Received: " in message:
        return f"{place_of(keys, places, name)}: {message}"
    message = message if message.endswith("?") else f"{message}."
    return f"{place_of(keys, places, name)}: {message} Received: {first['input']!r}"


def _first_fault(error: pydantic.ValidationError) -> Any:
    """Return the first fault. A mapping is not meant as another choice of a union."""
    faults = error.errors()
    is_mapping = isinstance(faults[0]["input"], dict)
    if is_mapping and faults[0]["type"] == "literal_error" and len(faults) > 1:
        return faults[1]
    return faults[0]


def place_of(keys: Key, places: Places, name: StrPath) -> str:
    """Return where a key is stated, or the section that lacks it."""
    if not keys:
        return f"Recipe {name}"
    for length in range(len(keys), 0, -1):
        if keys[:length] in places:
            rest = keys[length:]
            return ".".join((places[keys[:length]], *rest))
    return f"Recipe {name}, {'.'.join(keys)}"


def _closest(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"choose one of {', '.join(map(repr, known))}"


def _fields(sections: Key) -> list[str]:
    """Return the names of the settings of a section."""
    return list(section_class(sections).model_fields)


def section_class(sections: Key) -> type[pydantic.BaseModel]:
    """Return the class of the settings of a section."""
    model: type[pydantic.BaseModel] = Recipe
    for section in sections:
        annotation = model.model_fields[section].annotation
        # A section that may be absent is a union with None.
        choices = typing.get_args(annotation) or (annotation,)
        model = next(c for c in choices if issubclass(c, pydantic.BaseModel))
    return model
