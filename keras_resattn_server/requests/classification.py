"""Classify and regress examples: the signatures of `:classify` and `:regress`."""

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import Generic
from typing import NamedTuple
from typing import TypeVar

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from keras_resattn_client.typing import Array
from keras_resattn_server.models.servable import DEFAULT_SIGNATURE
from keras_resattn_server.models.servable import Servable
from keras_resattn_server.running.inference import Inference
from keras_resattn_server.wire.json_encode import array_to_json
from keras_resattn_server.wire.json_encode import shape_text
from keras_resattn_server.wire.status import ServingError

_Found = TypeVar("_Found")

_INPUTS = "inputs"
_CLASSES = "classes"
_SCORES = "scores"
_OUTPUTS = "outputs"


class Classifications(NamedTuple):
    """The classes of N examples: labels, bytes `(N, C)`, and scores, `(N, C)`."""

    labels: Array
    scores: Array


@dataclasses.dataclass(frozen=True)
class Task(Generic[_Found]):
    """What a signature does with examples.

    Args:
        noun: `"classification"` or `"regression"`.
        check_outputs: Checks the number of a signature's outputs.
        outputs: A signature must have one of these outputs.
        missing: The error of a signature that has none of them.
        read: Checks the output arrays of a number of examples, and returns the result.
        write: Writes the result as JSON.
    """

    noun: str
    check_outputs: Callable[[int], None]
    outputs: frozenset[str]
    missing: str
    read: Callable[[Mapping[str, Array], int], _Found]
    write: Callable[[_Found], str]


async def run_examples(
    inference: Inference,
    servable: Servable,
    signature_name: str,
    task: Task[_Found],
    examples: list[bytes],
) -> _Found:
    """Classify or regress examples.

    Args:
        inference: Runs the signature.
        servable: The model's version.
        signature_name: The signature; `""` is `serving_default`.
        task: `CLASSIFY` or `REGRESS`.
        examples: Serialised `tf.train.Example`s.

    Returns:
        The result: `Classifications`, or one float32 value per example, `(N,)`.

    Raises:
        ServingError: If the signature is not for the task, or running it fails.
    """
    arrays = example_inputs(servable, signature_name, task, examples)
    outputs = await inference.run(servable, signature_name, arrays)
    return task.read(outputs, len(examples))


def example_inputs(
    servable: Servable, signature_name: str, task: Task[Any], examples: list[bytes]
) -> dict[str, Array]:
    """Make the input of a signature that classifies or regresses examples.

    Args:
        servable: The model's version.
        signature_name: The signature; `""` is `serving_default`.
        task: `CLASSIFY` or `REGRESS`.
        examples: Serialised `tf.train.Example`s.

    Returns:
        The arrays to run the signature with.

    Raises:
        ServingError: If the signature does not fit, or there are no examples.
    """
    definition = servable.signature(signature_name)
    if definition is None:
        name = signature_name or DEFAULT_SIGNATURE
        raise ServingError(f"No signature was found with the name: {name}")
    if len(definition.inputs) != 1:
        raise ServingError("Expected one input Tensor.")
    task.check_outputs(len(definition.outputs))
    if _INPUTS not in definition.inputs:
        message = f"No {task.noun} inputs found in SignatureDef: "
        raise ServingError(message + _text(definition), "FAILED_PRECONDITION")
    if not task.outputs & set(definition.outputs):
        raise ServingError(task.missing + _text(definition), "FAILED_PRECONDITION")
    if not examples:
        raise ServingError("Input is empty.")
    array = np.empty(len(examples), object)
    array[:] = examples
    return {_INPUTS: array}


def read_classifications(outputs: Mapping[str, Array], size: int) -> Classifications:
    """Check the outputs of a signature that classifies.

    Args:
        outputs: The output arrays: `classes`, `scores`, or both.
        size: The number of examples.

    Returns:
        Both. Labels are empty or scores 0 if the signature does not have them.

    Raises:
        ServingError: If the outputs are not classifications.
    """
    for name, dtype in ((_CLASSES, "DT_STRING"), (_SCORES, "DT_FLOAT")):
        if name in outputs:
            _check_classes(name, outputs[name], dtype, size)
    shape = outputs[_CLASSES if _CLASSES in outputs else _SCORES].shape
    labels = outputs.get(_CLASSES, np.full(shape, b"", object))
    scores = outputs.get(_SCORES, np.zeros(shape, "float32"))
    if labels.shape != scores.shape:
        raise ServingError(
            "Tensors class and score should match in dim_size(1). Got "
            f"{labels.shape[1]} vs. {scores.shape[1]}"
        )
    return Classifications(labels, scores)


def write_classifications(found: Classifications) -> str:
    """Write `{"results": [[["label", score], ...], ...]}`."""
    labels = array_to_json(found.labels, _CLASSES, 2)
    scores = array_to_json(found.scores, _SCORES, 2)
    pairs = [f"[{label}, {score}]" for label, score in zip(labels, scores, strict=True)]
    count, width = found.labels.shape
    rows = (pairs[width * row : width * (row + 1)] for row in range(count))
    texts = ", ".join("[" + ", ".join(row) + "]" for row in rows)
    return f'{{"results": [{texts}]}}'


def read_regressions(outputs: Mapping[str, Array], size: int) -> Array:
    """Check the output of a signature that regresses.

    Args:
        outputs: The output array, `outputs`.
        size: The number of examples.

    Returns:
        One value per example, float32 `(N,)`.

    Raises:
        ServingError: If the output is not a regression.
    """
    values = outputs[_OUTPUTS]
    if values.ndim != 1 and not (values.ndim == 2 and values.shape[1] == 1):
        raise ServingError(
            "Expected output Tensor shape to be either [batch_size] or "
            f"[batch_size, 1] but got {shape_text(values.shape)}"
        )
    if len(values) != size:
        raise ServingError(
            "Input batch size did not match output batch size: "
            f"{size} vs. {len(values)}"
        )
    if _dtype_text(values) != "DT_FLOAT":
        raise ServingError(
            f"Expected output Tensor of DT_FLOAT.  Got: {_dtype_text(values)}"
        )
    return values.reshape(-1)


def write_regressions(values: Array) -> str:
    """Write `{"results": [value, ...]}`."""
    return f'{{"results": {array_to_json(values, _OUTPUTS)[0]}}}'


def _one_or_two(number: int) -> None:
    if number not in (1, 2):
        message = f"Expected one or two output Tensors, found {number}"
        raise ServingError(message)


def _only_one(number: int) -> None:
    if number != 1:
        raise ServingError("Expected one output Tensor.")


def _check_classes(name: str, array: Array, dtype: str, size: int) -> None:
    if array.ndim != 2:
        raise ServingError(
            "Expected Tensor shape: [batch_size num_classes] but got "
            f"{shape_text(array.shape)}"
        )
    if _dtype_text(array) != dtype:
        raise ServingError(
            f"Expected {name} Tensor of {dtype}. Got: {_dtype_text(array)}"
        )
    if len(array) != size:
        raise ServingError(
            f"Expected {name} output batch size of {size}. Got: {len(array)}"
        )


def _text(definition: SignatureDef) -> str:
    return text_format.MessageToString(definition)


def _dtype_text(array: Array) -> str:
    return str(types_pb2.DataType.Name(tf.as_dtype(array.dtype).as_datatype_enum))


CLASSIFY = Task(
    "classification",
    _one_or_two,
    frozenset({_CLASSES, _SCORES}),
    "Expected classification signature outputs to contain at least one of "
    f'"{_CLASSES}" or "{_SCORES}". Signature was: ',
    read_classifications,
    write_classifications,
)
REGRESS = Task(
    "regression",
    _only_one,
    frozenset({_OUTPUTS}),
    "No regression outputs found in SignatureDef: ",
    read_regressions,
    write_regressions,
)
