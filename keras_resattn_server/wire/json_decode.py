"""JSON -> tensors, with TensorFlow Serving's rules of conversion and messages.

Types have NumPy's names (`"float32"`), strings are `"string"`.
"""

import base64
import itertools
import re
from collections.abc import Iterator

import numpy as np

from keras_resattn_client.typing import Array
from keras_resattn_server.wire.json_encode import echo
from keras_resattn_server.wire.json_encode import type_text
from keras_resattn_server.wire.status import ServingError

_INT32 = (-(2**31), 2**31 - 1)
# The integers that are accepted. Those too large for int8, uint8 or int16 wrap around.
_INTEGER_RANGES = {
    "int8": _INT32,
    "uint8": _INT32,
    "int16": _INT32,
    "int32": _INT32,
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_FLOATS = ("float32", "float64")
_MAX_RANK = 64  # NumPy's
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")


def array_from_json(value: object, dtype: str) -> Array:
    """Make a tensor of a JSON value.

    Args:
        value: A scalar, or lists nested to any depth.
        dtype: The tensor's type. `"string"` gives an object array of bytes.

    Returns:
        The array. Its shape is the nesting of the lists.

    Raises:
        ServingError: If lists are ragged, or an element does not fit `dtype`.
    """
    shape = _leading_shape(value)
    leaves = _regular_leaves(value, shape)
    if leaves is None:
        leaves = list(_walk(value, 0, shape, dtype))
    return _pack(leaves, dtype).reshape(shape)


def is_base64_object(value: object) -> bool:
    """Return whether `value` is `{"b64": "..."}`: bytes, not a set of named inputs."""
    return (
        isinstance(value, dict)
        and len(value) == 1
        and isinstance(value.get("b64"), str)
    )


def json_type(value: object) -> str:
    """Return TensorFlow Serving's name of a JSON type: `Null`, `True`, `Number`, ..."""
    kinds = {type(None): "Null", bool: str(value), dict: "Object", list: "Array"}
    return kinds.get(type(value), "String" if isinstance(value, str) else "Number")


def _leading_shape(value: object) -> list[int]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    if len(shape) > _MAX_RANK:
        raise ServingError(
            f"A tensor has at most {_MAX_RANK} dimensions. Received: {len(shape)}"
        )
    return shape


def _regular_leaves(value: object, shape: list[int]) -> list[object] | None:
    """Return the elements in order, or None if the lists are ragged."""
    leaves = [value]
    for size in shape:
        lists = [item for item in leaves if type(item) is list and len(item) == size]
        if len(lists) < len(leaves):
            return None
        leaves = list(itertools.chain.from_iterable(lists))
    return None if any(type(leaf) is list for leaf in leaves) else leaves


def _walk(value: object, level: int, shape: list[int], dtype: str) -> Iterator[object]:
    """Go through ragged lists in order, to report the first fault."""
    rank = len(shape)
    if not isinstance(value, list):
        if level != rank:
            raise ServingError(
                f"JSON Value: {echo(value)} found at incorrect level: {level + 1} "
                f"in the JSON DOM. Expected at level: {rank}"
            )
        yield _element(value, dtype)
        return
    if level >= rank:
        raise ServingError(
            f"Encountered list at unexpected level: {level} expected < {rank}"
        )
    if len(value) != shape[level]:
        raise ServingError(
            f"Encountered list at unexpected size: {len(value)} "
            f"at level: {level} expected size: {shape[level]}"
        )
    for item in value:
        yield from _walk(item, level + 1, shape, dtype)


def _pack(leaves: list[object], dtype: str) -> Array:
    if not (dtype in _FLOATS and set(map(type, leaves)) <= {int, float}):
        leaves = [_element(leaf, dtype) for leaf in leaves]
    if dtype == "string":
        packed = np.empty(len(leaves), object)
        packed[:] = leaves
        return packed
    if dtype in _FLOATS:
        return _pack_floats(leaves, dtype)
    wide = "uint64" if dtype == "uint64" else "int64"
    return np.array(leaves, wide if dtype in _INTEGER_RANGES else dtype).astype(dtype)


def _pack_floats(leaves: list[object], dtype: str) -> Array:
    """Numbers out of range become infinite, as in TensorFlow Serving."""
    try:
        with np.errstate(over="ignore"):
            return np.array(leaves, "float64").astype(dtype)
    except OverflowError as error:
        message = "JSON Parse error: Number too big to be stored in double."
        raise ServingError(message) from error


def _element(value: object, dtype: str) -> object:
    """Return one element as `dtype` takes it."""
    if dtype in _FLOATS:
        fits = type(value) in (int, float)
    elif dtype in _INTEGER_RANGES:
        low, high = _INTEGER_RANGES[dtype]
        fits = type(value) is int and low <= value <= high
    elif dtype == "string":
        return _string_element(value)
    elif dtype == "bool":
        fits = type(value) is bool
    else:
        message = f"Conversion of JSON Value: {echo(value)} to type: {type_text(dtype)}"
        raise ServingError(message, "UNIMPLEMENTED")
    if not fits:
        raise _type_error(value, dtype)
    return value


def _string_element(value: object) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            message = "JSON Parse error: The surrogate pair in string is invalid."
            raise ServingError(message) from error
    if isinstance(value, dict):
        if not is_base64_object(value):
            raise ServingError(
                f"JSON Value: {echo(value)} not formatted correctly for base64 data"
            )
        return _decode_base64(value["b64"])
    raise _type_error(value, "string")


def _decode_base64(text: str) -> bytes:
    text = re.sub(r"[ \t\n\v\f\r]+", "", text)
    digits = text.rstrip("=")
    padding = -len(digits) % 4
    complete = len(text) - len(digits) in (0, padding) and padding < 3
    if not complete or not _BASE64.fullmatch(digits):
        remedy = '. Leave out "data:...;base64,"' if text.startswith("data:") else ""
        raise ServingError("Unable to base64 decode" + remedy)
    return base64.b64decode(digits + "=" * padding)


def _type_error(value: object, dtype: str) -> ServingError:
    return ServingError(
        f"JSON Value: {echo(value)} Type: {json_type(value)} "
        f"is not of expected type: {type_text(dtype)}"
    )
