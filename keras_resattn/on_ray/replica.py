"""A replica that serves exported models on a Ray cluster."""

import threading
from pathlib import Path
from typing import Any

import grpc
from starlette.applications import Starlette
from tensorflow_serving.apis import classification_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import inference_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import regression_pb2

from keras_resattn.typing import StrPath
from keras_resattn_server import Gate
from keras_resattn_server import Inference
from keras_resattn_server import ServableRegistry
from keras_resattn_server import create_app
from keras_resattn_server.loading.loader import ModelLoader
from keras_resattn_server.loading.model_config import ModelFolders
from keras_resattn_server.options import MAX_REQUEST_BYTES
from keras_resattn_server.rpc.services import ModelService
from keras_resattn_server.rpc.services import PredictionService

POLL_SECONDS = 1.0


class Abort(Exception):
    """Ends a request whose status is set."""


class Context:
    """The part of gRPC's context that the services use, for a context of Ray."""

    def __init__(self, grpc_context: Any) -> None:
        self.grpc_context = grpc_context

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        self.grpc_context.set_code(code)
        self.grpc_context.set_details(details)
        raise Abort(details)

    def time_remaining(self) -> None:
        """Return `None`, because the proxies of Ray enforce the client's deadline."""


class Replica:
    """The models of a folder with both interfaces, REST and gRPC.

    The proxies of Ray pass gRPC requests on as bytes.

    Args:
        base: A folder with `NAME/<integer>/saved_model.pb`.

    Raises:
        ValueError: If no model can be loaded.
    """

    def __init__(self, base: StrPath) -> None:
        self.registry, self.inference = ServableRegistry(), Inference()
        loader = ModelLoader(self.registry, ModelFolders(Path(base)))
        loader.poll(at_once=True)
        if not self.registry.available():
            raise ValueError(
                "No model could be loaded. The reasons are in the log of the replica. "
                f"Received: {base}"
            )
        self.gate = Gate(self.registry)
        self.predictions = PredictionService(
            self.registry, self.inference, self.gate, MAX_REQUEST_BYTES
        )
        self.models = ModelService(loader)
        polling = (threading.Event(), POLL_SECONDS)
        threading.Thread(target=loader.poll_until, args=polling, daemon=True).start()

    def __serve_build_asgi_app__(self) -> Starlette:
        return create_app(self.registry, self.inference, self.gate)

    async def Predict(self, request: bytes, grpc_context: Any) -> Any:
        message = predict_pb2.PredictRequest.FromString(request)
        return await self.predictions.Predict(message, Context(grpc_context))

    async def Classify(self, request: bytes, grpc_context: Any) -> Any:
        message = classification_pb2.ClassificationRequest.FromString(request)
        return await self.predictions.Classify(message, Context(grpc_context))

    async def Regress(self, request: bytes, grpc_context: Any) -> Any:
        message = regression_pb2.RegressionRequest.FromString(request)
        return await self.predictions.Regress(message, Context(grpc_context))

    async def MultiInference(self, request: bytes, grpc_context: Any) -> Any:
        message = inference_pb2.MultiInferenceRequest.FromString(request)
        return await self.predictions.MultiInference(message, Context(grpc_context))

    async def GetModelMetadata(self, request: bytes, grpc_context: Any) -> Any:
        message = get_model_metadata_pb2.GetModelMetadataRequest.FromString(request)
        return await self.predictions.GetModelMetadata(message, Context(grpc_context))

    async def GetModelStatus(self, request: bytes, grpc_context: Any) -> Any:
        message = get_model_status_pb2.GetModelStatusRequest.FromString(request)
        return await self.models.GetModelStatus(message, Context(grpc_context))
