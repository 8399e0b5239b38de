"""Classifying and regressing examples: the signatures of `:classify`, `:regress`."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.framework import types_pb2

from keras_resattn_server.models.servable import DEFAULT_SIGNATURE
from keras_resattn_server.models.servable import Servable
from keras_resattn_server.models.servable import SignatureDef
from keras_resattn_server.running.inference import Inference
from keras_resattn_server.wire.json_encode import array_to_json
from keras_resattn_server.wire.json_encode import shape_text
from keras_resattn_server.wire.status import ServingError

_INPUTS = "inputs"
_CLASSES = "classes"
_SCORES = "scores"
_OUTPUTS = "outputs"


class Classifications(NamedTuple):
    """The classes of each example: labels, bytes `[N, C]`, and scores, `[N, C]`."""

    labels: np.ndarray
    scores: np.ndarray


async def classify(
    inference: Inference, servable: Servable, signature_name: str, examples: list[bytes]
) -> Classifications:
    """Classifies examples.

    Args:
        inference: Runs the signature.
        servable: The model's version.
        signature_name: The signature; `""` is `serving_default`.
        examples: Serialised `tf.train.Example`s.

    Returns:
        The classes of each.

    Raises:
        ServingError: It is no signature that classifies, or running it failed.
    """
    arrays = classify_inputs(servable, signature_name, examples)
    outputs = await inference.run(servable, signature_name, arrays)
    return read_classifications(outputs, len(examples))


async def regress(
    inference: Inference, servable: Servable, signature_name: str, examples: list[bytes]
) -> np.ndarray:
    """Regresses examples: as `classify`; one value for each, float32 `[N]`."""
    arrays = regress_inputs(servable, signature_name, examples)
    outputs = await inference.run(servable, signature_name, arrays)
    return read_regressions(outputs, len(examples))


def classify_inputs(
    servable: Servable, signature_name: str, examples: list[bytes]
) -> dict[str, np.ndarray]:
    """Makes the input of a signature that classifies examples.

    Args:
        servable: The model's version.
        signature_name: The signature; `""` is `serving_default`.
        examples: Serialised `tf.train.Example`s.

    Returns:
        The arrays to run the signature with.

    Raises:
        ServingError: It is no such signature, or there are no examples.
    """
    definition = _definition(servable, signature_name)
    outputs = definition.outputs.keys()
    _check_single_input(definition)
    if len(outputs) not in (1, 2):
        message = f"Expected one or two output Tensors, found {len(outputs)}"
        raise ServingError(message)
    _check_inputs_key(definition, "classification")
    if not {_CLASSES, _SCORES} & set(outputs):
        raise ServingError(
            "Expected classification signature outputs to contain at least one of"
            f' "{_CLASSES}" or "{_SCORES}". Signature was: {_text(definition)}',
            "FAILED_PRECONDITION",
        )
    return _example_array(examples)


def read_classifications(
    outputs: Mapping[str, np.ndarray], size: int
) -> Classifications:
    """Checks what a signature that classifies gave.

    Args:
        outputs: Its output arrays: `classes`, `scores`, or both.
        size: The number of examples.

    Returns:
        Both; an empty label or a score of 0 where the signature has none.

    Raises:
        ServingError: The outputs are no classifications.
    """
    for name, dtype in ((_CLASSES, "DT_STRING"), (_SCORES, "DT_FLOAT")):
        if name in outputs:
            _check_classes(name, outputs[name], dtype, size)
    labels, scores = outputs.get(_CLASSES), outputs.get(_SCORES)
    if labels is None:
        labels = np.full(scores.shape, b"", object)
    if scores is None:
        scores = np.zeros(labels.shape, "float32")
    if labels.shape != scores.shape:
        raise ServingError(
            "Tensors class and score should match in dim_size(1). Got"
            f" {labels.shape[1]} vs. {scores.shape[1]}"
        )
    return Classifications(labels, scores)


def write_classifications(found: Classifications) -> str:
    """Writes `{"results": [[["label", score], ...], ...]}`."""
    labels = array_to_json(found.labels, _CLASSES, 2)
    scores = array_to_json(found.scores, _SCORES, 2)
    pairs = [f"[{label}, {score}]" for label, score in zip(labels, scores, strict=True)]
    count, width = found.labels.shape
    rows = (pairs[width * row : width * (row + 1)] for row in range(count))
    texts = ", ".join("[" + ", ".join(row) + "]" for row in rows)
    return f'{{"results": [{texts}]}}'


def regress_inputs(
    servable: Servable, signature_name: str, examples: list[bytes]
) -> dict[str, np.ndarray]:
    """Makes the input of a signature that regresses examples.

    Args:
        servable: The model's version.
        signature_name: The signature; `""` is `serving_default`.
        examples: Serialised `tf.train.Example`s.

    Returns:
        The arrays to run the signature with.

    Raises:
        ServingError: It is no such signature, or there are no examples.
    """
    definition = _definition(servable, signature_name)
    _check_single_input(definition)
    if len(definition.outputs) != 1:
        raise ServingError("Expected one output Tensor.")
    _check_inputs_key(definition, "regression")
    if _OUTPUTS not in definition.outputs:
        raise ServingError(
            f"No regression outputs found in SignatureDef: {_text(definition)}",
            "FAILED_PRECONDITION",
        )
    return _example_array(examples)


def read_regressions(outputs: Mapping[str, np.ndarray], size: int) -> np.ndarray:
    """Checks what a signature that regresses gave.

    Args:
        outputs: Its output array, `outputs`.
        size: The number of examples.

    Returns:
        One value for each example, float32 `[N]`.

    Raises:
        ServingError: The output is no regression.
    """
    values = outputs[_OUTPUTS]
    if values.ndim != 1 and not (values.ndim == 2 and values.shape[1] == 1):
        raise ServingError(
            "Expected output Tensor shape to be either [batch_size] or"
            f" [batch_size, 1] but got {shape_text(values.shape)}"
        )
    if len(values) != size:
        raise ServingError(
            "Input batch size did not match output batch size:"
            f" {size} vs. {len(values)}"
        )
    if _dtype_text(values) != "DT_FLOAT":
        raise ServingError(
            f"Expected output Tensor of DT_FLOAT.  Got: {_dtype_text(values)}"
        )
    return values.reshape(-1)


def write_regressions(values: np.ndarray) -> str:
    """Writes `{"results": [value, ...]}`."""
    return f'{{"results": {array_to_json(values, _OUTPUTS)[0]}}}'


def _definition(servable: Servable, signature_name: str) -> SignatureDef:
    definition = servable.signature(signature_name)
    if definition is None:
        name = signature_name or DEFAULT_SIGNATURE
        raise ServingError(f"No signature was found with the name: {name}")
    return definition


def _check_single_input(definition: SignatureDef) -> None:
    if len(definition.inputs) != 1:
        raise ServingError("Expected one input Tensor.")


def _check_inputs_key(definition: SignatureDef, task: str) -> None:
    if _INPUTS not in definition.inputs:
        raise ServingError(
            f"No {task} inputs found in SignatureDef: {_text(definition)}",
            "FAILED_PRECONDITION",
        )


def _check_classes(name: str, array: np.ndarray, dtype: str, size: int) -> None:
    if array.ndim != 2:
        raise ServingError(
            "Expected Tensor shape: [batch_size num_classes] but got"
            f" {shape_text(array.shape)}"
        )
    if _dtype_text(array) != dtype:
        raise ServingError(
            f"Expected {name} Tensor of {dtype}. Got: {_dtype_text(array)}"
        )
    if len(array) != size:
        raise ServingError(
            f"Expected {name} output batch size of {size}. Got: {len(array)}"
        )


def _example_array(examples: list[bytes]) -> dict[str, np.ndarray]:
    if not examples:
        raise ServingError("Input is empty.")
    array = np.empty(len(examples), object)
    array[:] = examples
    return {_INPUTS: array}


def _text(definition: SignatureDef) -> str:
    return text_format.MessageToString(definition)


def _dtype_text(array: np.ndarray) -> str:
    return types_pb2.DataType.Name(tf.as_dtype(array.dtype).as_datatype_enum)
