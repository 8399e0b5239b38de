"""The gRPC server: its port, its services, its end."""

import asyncio
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_resattn_server.loading.loader import ModelLoader
from keras_resattn_server.requests.gate import Gate
from keras_resattn_server.rpc.services import ModelService
from keras_resattn_server.rpc.services import PredictionService
from keras_resattn_server.running.inference import Inference
from keras_resattn_server.tls import Tls

_SERVICES = (
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
)


_HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_ENDS = "The server ends."
# The server's core cancels what it has received but not yet passed on when it stops:
# so requests are answered for a moment, then refused, until no more come.
_LAST_REQUESTS_SECONDS = 0.5
_QUIET_SECONDS = 0.1
_MAX_QUIET_WAITS = 20


class GrpcServer:
    """Serves gRPC on the running event loop. Make it inside of one.

    Args:
        loader: Keeps the registry of models.
        inference: Runs them.
        gate: What requests go through.
        max_request_bytes: Larger messages are refused with RESOURCE_EXHAUSTED.
        interceptors: What calls go through, the outermost first.
    """

    def __init__(
        self,
        loader: ModelLoader,
        inference: Inference,
        gate: Gate,
        max_request_bytes: int,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    ):
        self._health = _Health()
        self._closing = _Closing()
        self._server = grpc.aio.server(
            interceptors=[*interceptors, self._closing],
            options=[
                ("grpc.max_receive_message_length", max_request_bytes),
                ("grpc.max_send_message_length", -1),
                # Else a second server would share the port, and the requests.
                ("grpc.so_reuseport", 0),
            ],
        )
        prediction = PredictionService(
            loader.registry, inference, gate, max_request_bytes
        )
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

    def listen(self, host: str, port: int, tls: Tls | None = None) -> int:
        """Takes a port; 0 takes a free one.

        Args:
            host: The address.
            port: The port.
            tls: Certificate and key; None for no TLS.

        Returns:
            The port.

        Raises:
            RuntimeError: It cannot be had.
        """
        address = f"{host}:{port}"
        if tls is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, tls.grpc_credentials())

    async def start(self) -> None:
        """Answers requests from now on."""
        for service in _SERVICES:
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()

    async def announce_end(self) -> None:
        """Lets the health service say that the server ends."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, seconds: float) -> None:
        """Answers the requests accepted, and no more.

        Args:
            seconds: Time for it; what takes longer is cancelled.
        """
        await self.announce_end()
        await asyncio.sleep(_LAST_REQUESTS_SECONDS)
        self._health.end_watches()
        await self._closing.close()
        await self._server.stop(seconds)


class _Closing(grpc.aio.ServerInterceptor):
    """Refuses requests once it is closed, by the status that clients try again on."""

    def __init__(self):
        self._closed = False
        self._refused = 0

    async def intercept_service(self, continuation, details):
        if not self._closed or details.method == _HEALTH_CHECK:
            return await continuation(details)
        self._refused += 1
        return grpc.unary_unary_rpc_method_handler(_refuse)

    async def close(self) -> None:
        """Returns when no more requests come."""
        self._closed = True
        for _ in range(_MAX_QUIET_WAITS):
            before = self._refused
            await asyncio.sleep(_QUIET_SECONDS)
            if self._refused == before:
                return


async def _refuse(request, context) -> None:
    await context.abort(grpc.StatusCode.UNAVAILABLE, _ENDS)


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
            await context.abort(grpc.StatusCode.UNAVAILABLE, _ENDS)
        finally:
            self._watches.discard(watch)

    def end_watches(self) -> None:
        self._ended = True
        for watch in self._watches:
            watch.cancel()
