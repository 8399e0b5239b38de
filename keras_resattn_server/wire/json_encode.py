"""Tensors -> JSON, and how error messages print values, shapes and types."""

import base64
import json
import math
from collections.abc import Iterable

import numpy as np

from keras_resattn_server.wire.status import ServingError

# Above this a double rounds to an infinite float.
FLOAT32_OVERFLOW = 2.0**128 - 2.0**103

_CONTRACT_NAMES = {"float16": "half", "float32": "float", "float64": "double"}
_MAX_ECHO = 4096  # characters of the client's own JSON in an error message


def array_to_json(array: np.ndarray, name: str, axis: int = 0) -> list[str]:
    """Writes a tensor as JSON texts.

    Args:
        array: The tensor; bytes in an object array for strings.
        name: The tensor's name: strings whose name ends in `_bytes` become base64.
        axis: Axes before this one are not nested but flattened.

    Returns:
        One JSON text for each index over the axes before `axis`.
    """
    texts = _leaf_texts(array.ravel(), name)
    for depth in range(array.ndim - 1, axis - 1, -1):
        size = array.shape[depth]
        starts = (size * group for group in range(math.prod(array.shape[:depth])))
        texts = ["[" + ", ".join(texts[at : at + size]) + "]" for at in starts]
    return texts


def echo(value: object) -> str:
    """Prints a JSON value the way the contract's error messages show it.

    Args:
        value: The value.

    Returns:
        Objects indented by four, arrays on one line, cut after 4,096 characters.
    """
    if isinstance(value, float):
        single = math.isfinite(value) and abs(value) < FLOAT32_OVERFLOW
        return _float_texts(np.array([value], "float32" if single else "float64"))[0]
    text = _pretty(value, 1)
    return text if len(text) <= _MAX_ECHO else text[:_MAX_ECHO] + "..."


def shape_text(shape: Iterable[int | None]) -> str:
    """Writes a shape as the contract does: `[-1,224,224,3]`, -1 for any size."""
    return "[" + ",".join("-1" if n is None else str(n) for n in shape) + "]"


def type_text(dtype: str) -> str:
    """Names a type as the contract does: `float`, `double`, `half`, `int32`, ..."""
    return _CONTRACT_NAMES.get(dtype, dtype)


def _pretty(value: object, depth: int) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_pretty(item, depth + 1) for item in value) + "]"
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    indent = "    " * depth
    members = (
        f"\n{indent}{json.dumps(key, ensure_ascii=False)}: {_pretty(item, depth + 1)}"
        for key, item in value.items()
    )
    return "{" + ",".join(members) + "\n" + indent[4:] + "}"


def _leaf_texts(flat: np.ndarray, name: str) -> list[str]:
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


def _float_texts(flat: np.ndarray) -> list[str]:
    """Six digits where they read back as the same number, else as many as it takes."""
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
