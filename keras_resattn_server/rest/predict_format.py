"""The two forms of a predict request and of its answer: rows and columns."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from keras_resattn_server.wire.json_decode import array_from_json
from keras_resattn_server.wire.json_decode import is_base64_object
from keras_resattn_server.wire.json_encode import array_to_json
from keras_resattn_server.wire.json_encode import echo
from keras_resattn_server.wire.json_encode import shape_text
from keras_resattn_server.wire.status import ServingError

Specs = Mapping[str, tf.TensorSpec]


def read_signature_name(request: object) -> str:
    """Returns the request's signature name, `""` where it names none.

    Args:
        request: The parsed body.

    Raises:
        ServingError: The body is no object, or the name no string.
    """
    if not isinstance(request, dict):
        raise ServingError(f"JSON Value: {echo(request)} Is not object")
    name = request.get("signature_name", "")
    if not isinstance(name, str):
        raise ServingError(
            f"JSON Value: {echo(request)} not formatted correctly."
            " 'signature_name' key must be a string value."
        )
    return name


def read_tensors(request: dict, specs: Specs) -> tuple[dict[str, np.ndarray], bool]:
    """Makes the input tensors of a request.

    Args:
        request: The parsed body.
        specs: The signature's inputs by name.

    Returns:
        The arrays by name, and whether the request is in row form.

    Raises:
        ServingError: The request does not fit the form or the inputs' types.
    """
    if "instances" in request and "inputs" in request:
        raise ServingError(
            f"JSON Value: {echo(request)} Not formatted correctly expecting only"
            " one of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in request:
        return _read_rows(_instances(request), specs), True
    if "inputs" in request:
        return _read_columns(request["inputs"], specs), False
    raise ServingError("Missing 'inputs' or 'instances' key")


def write_rows(outputs: Mapping[str, np.ndarray]) -> str:
    """Writes `{"predictions": [...]}`: one value or object for each row.

    Args:
        outputs: The output arrays by name.

    Returns:
        The JSON text.

    Raises:
        ServingError: The outputs do not all have the same first dimension.
    """
    size = None
    for name, array in outputs.items():
        if not array.ndim:
            raise ServingError(f"Tensor name: {name} has no shape information ")
        if size not in (None, len(array)):
            raise ServingError(
                f"Tensor name: {name} has inconsistent batch size: {len(array)}"
                f" expecting: {size}"
            )
        size = len(array)
    columns = {name: array_to_json(array, name, 1) for name, array in outputs.items()}
    if len(columns) == 1:
        rows = next(iter(columns.values()))
    else:
        rows = [
            _object({key: texts[index] for key, texts in columns.items()})
            for index in range(size)
        ]
    return _object({"predictions": "[" + ", ".join(rows) + "]"})


def write_columns(outputs: Mapping[str, np.ndarray]) -> str:
    """Writes `{"outputs": ...}`: the one tensor, or an object of tensors.

    Args:
        outputs: The output arrays by name.

    Returns:
        The JSON text.
    """
    texts = {name: array_to_json(array, name)[0] for name, array in outputs.items()}
    body = next(iter(texts.values())) if len(texts) == 1 else _object(texts)
    return _object({"outputs": body})


def _object(members: Mapping[str, str]) -> str:
    pairs = (f"{echo(name)}: {text}" for name, text in members.items())
    return "{" + ", ".join(pairs) + "}"


def _instances(request: dict) -> list:
    instances = request["instances"]
    if not isinstance(instances, list):
        raise ServingError(
            f"JSON Value: {echo(request)} Expecting 'instances' to be an list/array"
        )
    if not instances:
        raise ServingError(
            f"JSON Value: {echo(request)} No values in 'instances' array"
        )
    return instances


def _read_columns(value: object, specs: Specs) -> dict[str, np.ndarray]:
    if _is_named(value):
        arrays = {}
        for name, spec in sorted(specs.items()):
            if name not in value:
                raise ServingError(f"Missing named input: {name} in 'inputs' object.")
            arrays[name] = array_from_json(value[name], spec.dtype.name)
        return arrays
    if len(specs) > 1:
        raise ServingError(
            "inputs is a plain value/list, but expecting an object as multiple"
            " input tensors required as per tensorinfo_map"
        )
    ((name, spec),) = specs.items()
    return {name: array_from_json(value, spec.dtype.name)}


def _read_rows(rows: list, specs: Specs) -> dict[str, np.ndarray]:
    named = _is_named(rows[0])
    if not named and len(specs) > 1:
        raise ServingError(
            "instances is a plain list, but expecting list of objects as multiple"
            " input tensors required as per tensorinfo_map"
        )
    columns = {name: [] for name in specs}
    for index, row in enumerate(rows):
        if _is_named(row) != named:
            kinds = "object but got list" if named else "value/list but got object"
            raise ServingError(f"Expecting {kinds} at item {index} of input list")
        if named:
            _add_named_row(columns, row, index, specs)
        else:
            _add_plain_row(columns, row, index, specs)
    return {name: np.stack(column) for name, column in columns.items()}


def _add_plain_row(columns: dict, row: object, index: int, specs: Specs) -> None:
    ((name, column),) = columns.items()
    try:
        _add_cell(column, row, specs[name])
    except ServingError as error:
        raise ServingError(
            f"Failed to process element: {index} of 'instances' list."
            f" Error: {error.code}: {error.message}"
        ) from error


def _add_named_row(columns: dict, row: dict, index: int, specs: Specs) -> None:
    for name, value in row.items():
        try:
            if name not in specs:
                message = f"JSON object: does not have named input: {name}"
                raise ServingError(message)
            _add_cell(columns[name], value, specs[name])
        except ServingError as error:
            raise ServingError(
                f"Failed to process element: {index} key: {name} of 'instances' list."
                f" Error: {error.code}: {error.message}"
            ) from error
    if row.keys() != specs.keys():
        raise ServingError(
            f"Failed to process element: {index} of 'instances' list."
            f" JSON object: {echo(row)} keys must be equal to: "
            + ",".join(sorted(specs))
        )


def _add_cell(column: list[np.ndarray], value: object, spec: tf.TensorSpec) -> None:
    array = array_from_json(value, spec.dtype.name)
    first = column[0] if column else array
    if array.size != first.size:
        raise ServingError(f"Expecting tensor size: {first.size} but got: {array.size}")
    if array.shape != first.shape:
        raise ServingError(
            f"Expecting shape {shape_text(first.shape)}"
            f" but got: {shape_text(array.shape)}"
        )
    column.append(array)


def _is_named(value: object) -> bool:
    return isinstance(value, dict) and not is_base64_object(value)
