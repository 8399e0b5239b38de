"""The two forms of a predict request and its answer: rows and columns."""

import json
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from keras_resattn_client.typing import Array
from keras_resattn_server.wire.json_decode import array_from_json
from keras_resattn_server.wire.json_decode import is_base64_object
from keras_resattn_server.wire.json_encode import array_to_json
from keras_resattn_server.wire.json_encode import echo
from keras_resattn_server.wire.json_encode import shape_text
from keras_resattn_server.wire.status import ServingError

Specs: TypeAlias = Mapping[str, tf.TensorSpec]
Request: TypeAlias = dict[str, object]
Columns: TypeAlias = dict[str, list[Array]]


def read_request(body: object) -> Request:
    """Return a parsed body, or raise a ServingError if it is not an object."""
    if not isinstance(body, dict):
        raise ServingError(f"JSON Value: {echo(body)} Is not object")
    return body


def read_signature_name(request: Request) -> str:
    """Return the request's signature name, by default `""`.

    Args:
        request: The parsed body.

    Raises:
        ServingError: If the name is not a string.
    """
    name = request.get("signature_name", "")
    if not isinstance(name, str):
        raise ServingError(
            f"JSON Value: {echo(request)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def read_tensors(request: Request, specs: Specs) -> tuple[dict[str, Array], bool]:
    """Return the input tensors of a request.

    Args:
        request: The parsed body.
        specs: The signature's inputs by name.

    Returns:
        The arrays by name, and whether the request is in row form.

    Raises:
        ServingError: If the request does not have that form or the inputs' types.
    """
    if "instances" in request and "inputs" in request:
        raise ServingError(
            f"JSON Value: {echo(request)} Not formatted correctly expecting only "
            "one of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in request:
        return _read_rows(_instances(request), specs), True
    if "inputs" in request:
        return _read_columns(request["inputs"], specs), False
    raise ServingError("Missing 'inputs' or 'instances' key")


def write_rows(outputs: Mapping[str, Array]) -> str:
    """Write `{"predictions": [...]}`: one value or object per row.

    Args:
        outputs: The output arrays by name.

    Returns:
        The JSON text.

    Raises:
        ServingError: If the outputs differ in their first dimension.
    """
    size = None
    for name, array in outputs.items():
        if not array.ndim:
            raise ServingError(f"Tensor name: {name} has no shape information ")
        if size not in (None, len(array)):
            raise ServingError(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {size}"
            )
        size = len(array)
    columns = {name: array_to_json(array, name, 1) for name, array in outputs.items()}
    if len(columns) == 1:
        rows = next(iter(columns.values()))
    else:
        rows = [
            _object({key: texts[index] for key, texts in columns.items()})
            for index in range(size or 0)
        ]
    return _object({"predictions": "[" + ", ".join(rows) + "]"})


def write_columns(outputs: Mapping[str, Array]) -> str:
    """Write `{"outputs": ...}`: a single tensor, or an object of tensors.

    Args:
        outputs: The output arrays by name.

    Returns:
        The JSON text.
    """
    texts = {name: array_to_json(array, name)[0] for name, array in outputs.items()}
    body = next(iter(texts.values())) if len(texts) == 1 else _object(texts)
    return _object({"outputs": body})


def _object(members: Mapping[str, str]) -> str:
    pairs = (f"{json.dumps(name)}: {text}" for name, text in members.items())
    return "{" + ", ".join(pairs) + "}"


def _instances(request: Request) -> list[object]:
    instances = request["instances"]
    if not isinstance(instances, list):
        remedy = (
            '. Send a list, for an image {"instances": [{"b64": "..."}]}.'
            if isinstance(instances, str)
            else ""
        )
        raise ServingError(
            f"JSON Value: {echo(request)} Expecting 'instances' to be an list/array"
            + remedy
        )
    if not instances:
        raise ServingError(
            f"JSON Value: {echo(request)} No values in 'instances' array"
        )
    return instances


def _read_columns(value: object, specs: Specs) -> dict[str, Array]:
    if isinstance(value, dict) and _is_named(value):
        arrays = {}
        for name, spec in sorted(specs.items()):
            if name not in value:
                raise ServingError(f"Missing named input: {name} in 'inputs' object.")
            arrays[name] = array_from_json(value[name], spec.dtype.name)
        return arrays
    if len(specs) > 1:
        raise ServingError(
            "inputs is a plain value/list, but expecting an object as multiple "
            "input tensors required as per tensorinfo_map"
        )
    ((name, spec),) = specs.items()
    return {name: array_from_json(value, spec.dtype.name)}


def _read_rows(rows: list[object], specs: Specs) -> dict[str, Array]:
    named = _is_named(rows[0])
    if not named and len(specs) > 1:
        raise ServingError(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    columns: Columns = {name: [] for name in specs}
    for index, row in enumerate(rows):
        if _is_named(row) != named:
            kinds = "object but got list" if named else "value/list but got object"
            raise ServingError(f"Expecting {kinds} at item {index} of input list")
        if isinstance(row, dict) and named:
            _add_named_row(columns, row, index, specs)
        else:
            _add_plain_row(columns, row, index, specs)
    return {name: np.stack(column) for name, column in columns.items()}


def _add_plain_row(columns: Columns, row: object, index: int, specs: Specs) -> None:
    ((name, column),) = columns.items()
    try:
        _add_cell(column, row, specs[name])
    except ServingError as error:
        raise ServingError(
            f"Failed to process element: {index} of 'instances' list. "
            f"Error: {error.code}: {error.message}"
        ) from error


def _add_named_row(columns: Columns, row: Request, index: int, specs: Specs) -> None:
    for name, value in row.items():
        try:
            if name not in specs:
                message = f"JSON object: does not have named input: {name}"
                raise ServingError(message)
            _add_cell(columns[name], value, specs[name])
        except ServingError as error:
            raise ServingError(
                f"Failed to process element: {index} key: {name} of 'instances' list. "
                f"Error: {error.code}: {error.message}"
            ) from error
    if row.keys() != specs.keys():
        raise ServingError(
            f"Failed to process element: {index} of 'instances' list. "
            f"JSON object: {echo(row)} keys must be equal to: "
            + ",".join(sorted(specs))
        )


def _add_cell(column: list[Array], value: object, spec: tf.TensorSpec) -> None:
    array = array_from_json(value, spec.dtype.name)
    first = column[0] if column else array
    if array.size != first.size:
        raise ServingError(f"Expecting tensor size: {first.size} but got: {array.size}")
    if array.shape != first.shape:
        raise ServingError(
            f"Expecting shape {shape_text(first.shape)} "
            f"but got: {shape_text(array.shape)}"
        )
    column.append(array)


def _is_named(value: object) -> bool:
    return isinstance(value, dict) and not is_base64_object(value)
