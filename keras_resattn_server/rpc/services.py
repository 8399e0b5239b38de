"""The gRPC interface: PredictionService and ModelService of TensorFlow Serving."""

import asyncio
import functools
import logging
from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from tensorflow_serving.apis import classification_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import inference_pb2
from tensorflow_serving.apis import model_management_pb2
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc
from tensorflow_serving.apis import regression_pb2

from keras_resattn_server.errors import INTERNAL_ERROR
from keras_resattn_server.grpc_types import Context
from keras_resattn_server.loading.loader import ModelLoader
from keras_resattn_server.loading.model_config import ModelConfigFile
from keras_resattn_server.loading.model_config import read_model_configs
from keras_resattn_server.models.registry import ServableRegistry
from keras_resattn_server.models.servable import Servable
from keras_resattn_server.requests.classification import CLASSIFY
from keras_resattn_server.requests.classification import REGRESS
from keras_resattn_server.requests.classification import Task
from keras_resattn_server.requests.classification import run_examples
from keras_resattn_server.requests.gate import Gate
from keras_resattn_server.requests.messages import answered_by
from keras_resattn_server.requests.messages import read_input
from keras_resattn_server.requests.messages import read_predict
from keras_resattn_server.requests.messages import write_classifications
from keras_resattn_server.requests.messages import write_predict
from keras_resattn_server.requests.messages import write_regressions
from keras_resattn_server.requests.multi_inference import read_tasks
from keras_resattn_server.requests.multi_inference import requested_model
from keras_resattn_server.requests.multi_inference import write_tasks
from keras_resattn_server.running.inference import Inference
from keras_resattn_server.trace import trace_fields
from keras_resattn_server.wire.status import ServingError

_SIGNATURE_DEF = "signature_def"
_UNAVAILABLE_MODELS = "Some models did not become available: "

_logger = logging.getLogger(__name__)
_Found = TypeVar("_Found")
_Method = Callable[..., Awaitable[Message]]


def _with_status(method: _Method) -> _Method:
    """Answer errors with the status code of the ServingError."""

    @functools.wraps(method)
    async def answer(self: Any, request: Any, context: Any) -> Message:
        try:
            return await method(self, request, context)
        except ServingError as error:
            code, text = grpc.StatusCode[error.code], error.message
        except Exception:
            _logger.exception("gRPC %s failed %s", method.__name__, trace_fields())
            code, text = grpc.StatusCode.INTERNAL, INTERNAL_ERROR
        raise await context.abort(code, text)

    return answer


def _through_gate(method: _Method) -> _Method:
    """Admit, time and count an inference request."""

    @functools.wraps(method)
    async def admitted(self: Any, request: Any, context: Any) -> Message:
        name, api = requested_model(request).name, method.__name__
        seconds = context.time_remaining()
        async with self._gate.enter(name, api, "GRPC", seconds):
            return await method(self, request, context)

    return _with_status(admitted)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answer inference requests.

    Args:
        registry: The models.
        inference: Runs the models.
        gate: Admits and counts the requests.
        max_tensor_bytes: The largest size of an input tensor.
    """

    def __init__(
        self,
        registry: ServableRegistry,
        inference: Inference,
        gate: Gate,
        max_tensor_bytes: int,
    ):
        self._registry = registry
        self._inference = inference
        self._gate = gate
        self._max_tensor_bytes = max_tensor_bytes

    @_through_gate
    async def Predict(
        self,
        request: predict_pb2.PredictRequest,
        context: Context,
    ) -> predict_pb2.PredictResponse:
        servable, name = self._find(request)
        call = self._inference.call
        arrays, wanted = await call(
            read_predict, request, servable, self._max_tensor_bytes
        )
        outputs = await self._inference.run(servable, name, arrays)
        outputs = {key: outputs[key] for key in wanted}
        return await call(write_predict, servable, name, outputs)

    @_through_gate
    async def Classify(
        self,
        request: classification_pb2.ClassificationRequest,
        context: Context,
    ) -> classification_pb2.ClassificationResponse:
        servable, found = await self._run_examples(request, CLASSIFY)
        response = classification_pb2.ClassificationResponse(
            model_spec=answered_by(servable, request.model_spec.signature_name)
        )
        write_classifications(found, response.result)
        return response

    @_through_gate
    async def Regress(
        self,
        request: regression_pb2.RegressionRequest,
        context: Context,
    ) -> regression_pb2.RegressionResponse:
        servable, found = await self._run_examples(request, REGRESS)
        response = regression_pb2.RegressionResponse(
            model_spec=answered_by(servable, request.model_spec.signature_name)
        )
        write_regressions(found, response.result)
        return response

    @_through_gate
    async def MultiInference(
        self,
        request: inference_pb2.MultiInferenceRequest,
        context: Context,
    ) -> inference_pb2.MultiInferenceResponse:
        servable = self._get(requested_model(request))
        examples = await self._inference.call(read_input, request.input)
        tasks = read_tasks(request, servable)
        found = await asyncio.gather(
            *(
                run_examples(self._inference, servable, signature, kind, examples)
                for signature, kind in tasks
            )
        )
        return write_tasks(request, servable, found)

    async def _run_examples(
        self, request: Any, task: Task[_Found]
    ) -> tuple[Servable, _Found]:
        servable, name = self._find(request)
        examples = await self._inference.call(read_input, request.input)
        found = await run_examples(self._inference, servable, name, task, examples)
        return servable, found

    @_with_status
    async def GetModelMetadata(
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        context: Context,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        spec = _model_spec(request)
        if not request.metadata_field:
            raise ServingError(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for field in request.metadata_field:
            if field != _SIGNATURE_DEF:
                raise ServingError(f"Metadata field {field} is not supported")
        servable = self._get(spec)
        signatures = get_model_metadata_pb2.SignatureDefMap(
            signature_def=servable.signatures
        )
        response = get_model_metadata_pb2.GetModelMetadataResponse(
            model_spec=answered_by(servable)
        )
        response.metadata[_SIGNATURE_DEF].Pack(signatures)
        return response

    def _find(self, request: Any) -> tuple[Servable, str]:
        spec = _model_spec(request)
        return self._get(spec), spec.signature_name

    def _get(self, spec: model_pb2.ModelSpec) -> Servable:
        return self._registry.get(spec.name, *_version(spec))


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Report the states of models, and replace the served models.

    Args:
        loader: Has the registry of models.
    """

    def __init__(self, loader: ModelLoader):
        self._registry = loader.registry
        self._loader = loader

    @_with_status
    async def GetModelStatus(
        self,
        request: get_model_status_pb2.GetModelStatusRequest,
        context: Context,
    ) -> get_model_status_pb2.GetModelStatusResponse:
        spec = _model_spec(request)
        response = get_model_status_pb2.GetModelStatusResponse()
        statuses = self._registry.statuses(spec.name, _version(spec)[0])
        for version, status in statuses.items():
            answer = response.model_version_status.add(
                version=version, state=status.state
            )
            answer.status.error_code = grpc.StatusCode[status.code].value[0]
            answer.status.error_message = status.message
        return response

    @_with_status
    async def HandleReloadConfigRequest(
        self,
        request: model_management_pb2.ReloadConfigRequest,
        context: Context,
    ) -> model_management_pb2.ReloadConfigResponse:
        if request.config.WhichOneof("config") != "model_config_list":
            raise ServingError(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        source = self._loader.source
        if not isinstance(source, ModelConfigFile):
            # Clients must not choose the folders of a server that was given one.
            raise ServingError(
                "The server has a fixed folder of models. Start it with "
                "--model-config-file to change the models by a request.",
                "FAILED_PRECONDITION",
            )
        try:
            models = read_model_configs(request.config)
        except ValueError as error:
            raise ServingError(str(error)) from error
        source.replace(models)
        await asyncio.to_thread(self._loader.poll, at_once=True)
        available = self._registry.available()
        missing = [model.name for model in models if model.name not in available]
        if missing:
            raise ServingError(_UNAVAILABLE_MODELS + ", ".join(missing), "UNKNOWN")
        return model_management_pb2.ReloadConfigResponse()


def _model_spec(request: Any) -> model_pb2.ModelSpec:
    if not request.HasField("model_spec"):
        raise ServingError("Missing ModelSpec")
    return request.model_spec


def _version(spec: model_pb2.ModelSpec) -> tuple[int | None, str | None]:
    """Return version and label. At most one of them is not None."""
    choice = spec.WhichOneof("version_choice")
    return (
        spec.version.value if choice == "version" else None,
        spec.version_label if choice == "version_label" else None,
    )
