"""Tensors -> JSON; values, shapes and types in error messages."""

import base64
import json
import math
from collections.abc import Iterable
from collections.abc import Iterator

import numpy as np

from keras_resattn_client.typing import Array
from keras_resattn_server.wire.status import ServingError

# A double from this on becomes an infinite float32.
_FLOAT32_OVERFLOW = 2.0**128 - 2.0**103

_TYPE_NAMES = {"float16": "half", "float32": "float", "float64": "double"}
_MAX_ECHO = 100  # characters of the client's JSON in an error message


def array_to_json(array: Array, name: str, axis: int = 0) -> list[str]:
    """Write a tensor as JSON texts.

    Args:
        array: The tensor. Strings are bytes in an object array.
        name: The tensor's name. If it ends in `_bytes`, strings become base64.
        axis: Axes before this one are flattened instead of nested.

    Returns:
        One JSON text per index over the axes before `axis`.
    """
    texts = _leaf_texts(array.ravel(), name)
    for depth in range(array.ndim - 1, axis - 1, -1):
        size = array.shape[depth]
        starts = (size * group for group in range(math.prod(array.shape[:depth])))
        texts = ["[" + ", ".join(texts[at : at + size]) + "]" for at in starts]
    return texts


def echo(value: object) -> str:
    """Return a JSON value as TensorFlow Serving's error messages show it.

    Args:
        value: The value.

    Returns:
        The text: objects indented by four, arrays on one line, at most 100
        characters.
    """
    if isinstance(value, float):
        single = math.isfinite(value) and abs(value) < _FLOAT32_OVERFLOW
        return _float_texts(np.array([value], "float32" if single else "float64"))[0]
    text = ""
    for piece in _pretty(value, 1):  # no more than what is shown
        text += piece
        if len(text) > _MAX_ECHO:
            return text[:_MAX_ECHO] + "..."
    return text


def shape_text(shape: Iterable[int | None]) -> str:
    """Return a shape as TensorFlow Serving writes it: `[-1,224,224,3]`."""
    return "[" + ",".join("-1" if n is None else str(n) for n in shape) + "]"


def type_text(dtype: str) -> str:
    """Return TensorFlow Serving's name of a type: `float`, `double`, `half`, ..."""
    return _TYPE_NAMES.get(dtype, dtype)


def _pretty(value: object, depth: int) -> Iterator[str]:
    """Yield the pieces of the text of a JSON value."""
    if isinstance(value, list):
        yield "["
        for index, item in enumerate(value):
            yield ", " if index else ""
            yield from _pretty(item, depth + 1)
        yield "]"
    elif isinstance(value, dict) and value:
        indent = "    " * depth
        for index, (key, item) in enumerate(value.items()):
            yield f"{',' if index else '{'}\n{indent}{_text(key)}: "
            yield from _pretty(item, depth + 1)
        yield f"\n{indent[4:]}}}"
    else:
        yield _text(value)


def _text(value: object) -> str:
    """Return a JSON value that is not an array or object; a long string is cut."""
    if isinstance(value, str):
        value = value[: _MAX_ECHO + 1]
    return json.dumps(value, ensure_ascii=False)


def _leaf_texts(flat: Array, name: str) -> list[str]:
    kind = flat.dtype.kind
    if kind == "O" and name.endswith("_bytes"):
        encoded = (base64.b64encode(item).decode() for item in flat)
        return [f'{{"b64": "{text}"}}' for text in encoded]
    if kind == "O":
        decoded = (item.decode("utf-8", "surrogateescape") for item in flat)
        return [json.dumps(text, ensure_ascii=False) for text in decoded]
    if kind == "b":
        return ["true" if item else "false" for item in flat.tolist()]
    if kind in "iu":
        return [str(item) for item in flat.tolist()]
    if flat.dtype == "float64":
        return _float_texts(flat)
    if kind == "c":
        raise ServingError(
            f"Failed to write JSON value for tensor type: {type_text(flat.dtype.name)}"
        )
    return _float_texts(flat.astype("float32"))


def _float_texts(flat: Array) -> list[str]:
    """Return six digits if they read back as the same number, otherwise all."""
    digits = 9 if flat.dtype == "float32" else 17
    values = flat.tolist()
    texts = [f"{value:g}" for value in values]
    with np.errstate(over="ignore"):
        exact = np.array(texts, "float64").astype(flat.dtype) == flat
    for index in np.flatnonzero(~exact):
        texts[index] = f"{values[index]:.{digits}g}"
    return [_spell(text) for text in texts]


def _spell(text: str) -> str:
    if text.lstrip("-").isdigit():
        return text + ".0"
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text)
