"""Several tasks for the same examples: the messages of `MultiInference`."""

from collections.abc import Sequence
from typing import Any

from tensorflow_serving.apis import inference_pb2
from tensorflow_serving.apis import model_pb2

from keras_resattn_server.models.servable import DEFAULT_SIGNATURE
from keras_resattn_server.models.servable import Servable
from keras_resattn_server.requests.classification import CLASSIFY
from keras_resattn_server.requests.classification import REGRESS
from keras_resattn_server.requests.classification import Task
from keras_resattn_server.requests.messages import answered_by
from keras_resattn_server.requests.messages import write_classifications
from keras_resattn_server.requests.messages import write_regressions
from keras_resattn_server.wire.status import ServingError

_TASKS: dict[str, Task[Any]] = {
    "tensorflow/serving/classify": CLASSIFY,
    "tensorflow/serving/regress": REGRESS,
}


def requested_model(request: Any) -> model_pb2.ModelSpec:
    """Return the model of a request of any kind, that of its first task if it has."""
    if not isinstance(request, inference_pb2.MultiInferenceRequest):
        return request.model_spec
    return request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()


def read_tasks(
    request: inference_pb2.MultiInferenceRequest, servable: Servable
) -> list[tuple[str, Task[Any]]]:
    """Return the signature and the kind of each task of a request.

    Args:
        request: The request.
        servable: The version of its model.

    Raises:
        ServingError: If the tasks do not belong together, or one is not valid.
    """
    tasks: dict[str, Task[Any]] = {}
    for task in request.tasks:
        spec = task.model_spec
        signature = spec.signature_name or DEFAULT_SIGNATURE
        if not spec.name:
            raise ServingError("Found ModelSpec with an empty model name.")
        if spec.name != servable.name:
            raise ServingError(
                "All ModelSpecs in a MultiInferenceRequest must access the same model "
                "name."
            )
        if signature in tasks:
            raise ServingError(f"Duplicate evaluation of signature: {signature}")
        if servable.signature(signature) is None:
            message = f"Requested signature not found in model graph: {signature}"
            raise ServingError(message)
        if task.method_name not in _TASKS:
            message = f"Unsupported signature method_name: {task.method_name}"
            raise ServingError(message, "UNIMPLEMENTED")
        tasks[signature] = _TASKS[task.method_name]
    return list(tasks.items())


def write_tasks(
    request: inference_pb2.MultiInferenceRequest,
    servable: Servable,
    found: Sequence[Any],
) -> inference_pb2.MultiInferenceResponse:
    """Return the answer to a request with the results of its tasks."""
    response = inference_pb2.MultiInferenceResponse()
    for task, values in zip(request.tasks, found, strict=True):
        spec = answered_by(servable, task.model_spec.signature_name)
        result = response.results.add(model_spec=spec)
        if _TASKS[task.method_name] is CLASSIFY:
            write_classifications(values, result.classification_result)
        else:
            write_regressions(values, result.regression_result)
    return response
