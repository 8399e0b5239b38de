"""The gRPC server: its port, its services, its end."""

import asyncio

import grpc
from grpc_health.v1 import health
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_resattn.server.grpc_services import ModelService
from keras_resattn.server.grpc_services import PredictionService
from keras_resattn.server.inference import Inference
from keras_resattn.server.loader import ModelLoader

_SERVICES = (
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
)


class GrpcServer:
    """Serves gRPC on the running event loop. Make it inside of one.

    Args:
        loader: Keeps the registry of models.
        inference: Runs them.
        max_request_bytes: Larger messages are refused with RESOURCE_EXHAUSTED.
    """

    def __init__(
        self, loader: ModelLoader, inference: Inference, max_request_bytes: int
    ):
        self._health = _Health()
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", max_request_bytes),
                ("grpc.max_send_message_length", -1),
                # Else a second server would share the port, and the requests.
                ("grpc.so_reuseport", 0),
            ]
        )
        prediction = PredictionService(loader.registry, inference, max_request_bytes)
        for add, service in (
            (
                prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server,
                prediction,
            ),
            (
                model_service_pb2_grpc.add_ModelServiceServicer_to_server,
                ModelService(loader),
            ),
            (health_pb2_grpc.add_HealthServicer_to_server, self._health),
        ):
            add(service, self._server)

    def listen(self, host: str, port: int) -> int:
        """Takes a port; 0 takes a free one.

        Returns:
            The port.

        Raises:
            RuntimeError: It cannot be had.
        """
        return self._server.add_insecure_port(f"{host}:{port}")

    async def start(self) -> None:
        """Answers requests from now on."""
        for service in _SERVICES:
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()

    async def stop(self, seconds: float) -> None:
        """Answers the requests accepted, and no more.

        Args:
            seconds: Time for it; what takes longer is cancelled.
        """
        await self._health.enter_graceful_shutdown()
        stopped = asyncio.create_task(self._server.stop(seconds))
        await asyncio.sleep(0.1)  # for the health watchers to be told
        self._health.end_watches()
        await stopped


class _Health(health.aio.HealthServicer):
    """The health service. Its watches would last as long as the client, and the
    server's end would wait for them."""

    def __init__(self):
        super().__init__()
        self._watches: set[asyncio.Task] = set()
        self._ended = False

    async def Watch(self, request, context) -> None:
        watch = asyncio.create_task(super().Watch(request, context))
        self._watches.add(watch)
        try:
            await watch
        except asyncio.CancelledError:
            if not self._ended:  # the client is gone
                raise
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The server ends.")
        finally:
            self._watches.discard(watch)

    def end_watches(self) -> None:
        self._ended = True
        for watch in self._watches:
            watch.cancel()
