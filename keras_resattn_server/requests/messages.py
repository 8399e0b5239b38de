"""The messages of gRPC inference requests: read requests, write answers."""

from collections.abc import Mapping

from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import classification_pb2
from tensorflow_serving.apis import input_pb2
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import regression_pb2

from keras_resattn_client.typing import Array
from keras_resattn_server.models.servable import DEFAULT_SIGNATURE
from keras_resattn_server.models.servable import Servable
from keras_resattn_server.requests.classification import Classifications
from keras_resattn_server.wire.status import ServingError
from keras_resattn_server.wire.tensor_proto import array_from_proto
from keras_resattn_server.wire.tensor_proto import array_to_proto


def read_predict(
    request: predict_pb2.PredictRequest, servable: Servable, max_bytes: int
) -> tuple[dict[str, Array], list[str]]:
    """Return the input arrays of a request.

    Args:
        request: The request.
        servable: The model's version.
        max_bytes: The largest size of an array.

    Returns:
        The arrays by name, and the names of the requested outputs.

    Raises:
        ServingError: If the request does not fit the signature.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    definition = servable.signature(name)
    if definition is None:
        raise ServingError(
            f'Serving signature key "{name}" not found.', "FAILED_PRECONDITION"
        )
    _check_inputs(request, definition)
    if not definition.inputs:
        _refuse_to_fetch_nothing(definition)
    arrays = {
        key: array_from_proto(key, request.inputs[key], max_bytes)
        for key in definition.inputs
    }
    return arrays, _wanted_outputs(request, definition)


def write_predict(
    servable: Servable, signature_name: str, outputs: Mapping[str, Array]
) -> predict_pb2.PredictResponse:
    """Return the answer to a predict request."""
    tensors = {name: array_to_proto(array) for name, array in outputs.items()}
    model_spec = answered_by(servable, signature_name)
    return predict_pb2.PredictResponse(outputs=tensors, model_spec=model_spec)


def read_input(message: input_pb2.Input) -> list[bytes]:
    """Return the serialised examples of a request, each with the context."""
    if message.WhichOneof("kind") == "example_list_with_context":
        listed = message.example_list_with_context
        context = listed.context.SerializeToString()
        return [context + item.SerializeToString() for item in listed.examples]
    return [item.SerializeToString() for item in message.example_list.examples]


def write_classifications(
    found: Classifications, result: classification_pb2.ClassificationResult
) -> None:
    """Write classifications into an empty message."""
    for labels, scores in zip(found.labels, found.scores.tolist(), strict=True):
        classes = result.classifications.add().classes
        for label, score in zip(labels, scores, strict=True):
            # The field is text: other bytes would break the whole answer.
            classes.add(label=label.decode("utf-8", "replace"), score=score)


def write_regressions(values: Array, result: regression_pb2.RegressionResult) -> None:
    """Write regressions into an empty message."""
    for value in values.tolist():
        result.regressions.add(value=value)


def answered_by(
    servable: Servable, signature_name: str | None = None
) -> model_pb2.ModelSpec:
    """Return the model spec of an answer.

    Args:
        servable: The model's version.
        signature_name: The signature. `""` is `serving_default`, None is left out.
    """
    spec = model_pb2.ModelSpec(name=servable.name)
    spec.version.value = servable.version
    if signature_name is not None:
        spec.signature_name = signature_name or DEFAULT_SIGNATURE
    return spec


def _check_inputs(
    request: predict_pb2.PredictRequest, definition: SignatureDef
) -> None:
    sent, wanted = set(request.inputs), set(definition.inputs)
    if len(sent) != len(wanted):
        raise ServingError(
            f"input size does not match signature: {len(sent)}!={len(wanted)} "
            f"len({_set_text(sent)}) != len({_set_text(wanted)}). "
            f"Sent extra: {_set_text(sent - wanted)}. "
            f"Missing but required: {_set_text(wanted - sent)}."
        )
    for key in sorted(wanted - sent):
        raise ServingError(
            f"Signature input alias: {key}(feed name: {definition.inputs[key].name}) "
            "not found in request and no default value provided. Inputs expected to "
            f"be in the request {_set_text(sent)}, or default input alias set: "
        )


def _refuse_to_fetch_nothing(definition: SignatureDef) -> None:
    """Refuse the signature that initializes a model, as TensorFlow Serving does."""
    for output in definition.outputs.values():
        if output.dtype == types_pb2.DT_INVALID:
            raise ServingError(
                f"Node '{output.name}' (type: 'NoOp', num of outputs: 0) does not have "
                "output 0",
                "OUT_OF_RANGE",
            )


def _wanted_outputs(
    request: predict_pb2.PredictRequest, definition: SignatureDef
) -> list[str]:
    wanted = list(request.output_filter)
    for index, name in enumerate(wanted):
        if name not in definition.outputs:
            raise ServingError(
                f"output tensor alias not found in signature: {name} Outputs expected "
                f"to be in the set {_set_text(set(definition.outputs))}."
            )
        if name in wanted[:index]:
            raise ServingError(f"duplicate output tensor alias: {name}")
    return wanted or list(definition.outputs)


def _set_text(names: set[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
