"""The gRPC server: its port, its services, its shutdown."""

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
from grpc_health.v1 import health
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_resattn_server.errors import refusal
from keras_resattn_server.grpc_types import Continuation
from keras_resattn_server.grpc_types import Handler
from keras_resattn_server.loading.loader import ModelLoader
from keras_resattn_server.requests.gate import Gate
from keras_resattn_server.rpc.connections import close_connection
from keras_resattn_server.rpc.receiving import LONG_NAME
from keras_resattn_server.rpc.receiving import MAX_HEALTH_BYTES
from keras_resattn_server.rpc.receiving import ReceivingInterceptor
from keras_resattn_server.rpc.services import ModelService
from keras_resattn_server.rpc.services import PredictionService
from keras_resattn_server.running.inference import Inference
from keras_resattn_server.running.limits import MAX_HEAD_BYTES
from keras_resattn_server.tls import Tls

_SERVICES = (
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
)

_HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_SHUTTING_DOWN = "The server is shutting down."
# When it stops, gRPC cancels requests that it has received but not yet passed on. So
# requests are answered for a moment, and then refused until no more arrive.
_LAST_REQUESTS_SECONDS = 0.5
_QUIET_SECONDS = 0.1
_MAX_QUIET_WAITS = 20
_MAX_WATCHES = 10_000
_TOO_MANY_WATCHES = (
    f"The server has {_MAX_WATCHES} watches of its health already. Call Check instead."
)


class GrpcServer:
    """Serve gRPC on the running event loop.

    Args:
        loader: Has the registry of models.
        inference: Runs the models.
        gate: Admits and counts the requests.
        max_request_bytes: Larger messages are refused with RESOURCE_EXHAUSTED.
        receive_seconds: The time for a message to arrive, for its answer to be read,
            and for a connection to answer pings.
        interceptors: The interceptors of calls, the outermost first.
    """

    def __init__(
        self,
        loader: ModelLoader,
        inference: Inference,
        gate: Gate,
        max_request_bytes: int,
        receive_seconds: float,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    ):
        self._health = _Health()
        self._closing = _Closing()
        self._port = 0
        receiving = ReceivingInterceptor(
            gate.memory,
            max_request_bytes,
            receive_seconds,
            lambda peer: close_connection(peer, self._port),
        )
        half = round(1000 * receive_seconds / 2)  # a ping after it, and its answer
        self._server = grpc.aio.server(
            interceptors=[receiving, *interceptors, self._closing],
            options=[
                ("grpc.max_receive_message_length", max_request_bytes),
                ("grpc.max_send_message_length", -1),
                # Otherwise some calls with 8 to 16 KiB fail, and some do not.
                ("grpc.max_metadata_size", MAX_HEAD_BYTES),
                ("grpc.absolute_max_metadata_size", MAX_HEAD_BYTES),
                # Do not receive in advance what no memory is reserved for.
                ("grpc.http2.bdp_probe", 0),
                ("grpc.http2.lookahead_bytes", 64 * 1024),
                ("grpc.keepalive_time_ms", half),
                ("grpc.keepalive_timeout_ms", half),
                ("grpc.http2.ping_timeout_ms", half),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.max_pings_without_data", 0),
                # Otherwise a second server would share the port and the requests.
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
        """Listen on a port.

        Args:
            host: The address.
            port: The port. 0 takes a free one.
            tls: Certificate and key. None is no TLS.

        Returns:
            The port.

        Raises:
            RuntimeError: If the port is taken or not permitted.
        """
        address = f"{host}:{port}"
        if tls is None:
            self._port = self._server.add_insecure_port(address)
        else:
            credentials = tls.grpc_credentials()
            self._port = self._server.add_secure_port(address, credentials)
        return self._port

    async def start(self) -> None:
        """Start to answer requests."""
        for service in _SERVICES:
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()

    async def announce_end(self) -> None:
        """Report by the health service that the server is shutting down."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, seconds: float) -> None:
        """Answer the accepted requests, and stop.

        Args:
            seconds: The time to answer them. Later ones are cancelled.
        """
        await self.announce_end()
        await asyncio.sleep(_LAST_REQUESTS_SECONDS)
        self._health.end_watches()
        await self._closing.close()
        await self._server.stop(seconds)


class _Closing(grpc.aio.ServerInterceptor):
    """Refuse requests after it is closed, with a status that clients retry."""

    def __init__(self) -> None:
        self._closed = False
        self._refused = 0

    async def intercept_service(
        self,
        continuation: Continuation,
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        if not self._closed or handler_call_details.method == _HEALTH_CHECK:
            return await continuation(handler_call_details)
        self._refused += 1
        return refusal(grpc.StatusCode.UNAVAILABLE, _SHUTTING_DOWN)

    async def close(self) -> None:
        """Return when no more requests arrive."""
        self._closed = True
        for _ in range(_MAX_QUIET_WAITS):
            before = self._refused
            await asyncio.sleep(_QUIET_SECONDS)
            if self._refused == before:
                return


class _Health(health.aio.HealthServicer):
    """The health service. It can end its watches, which last as long as the client."""

    def __init__(self) -> None:
        super().__init__()
        self._watches: set[asyncio.Task[None]] = set()
        self._ended = False

    async def Watch(self, request: Any, context: Any) -> None:
        # The name is kept as long as the client stays.
        if len(request.service) > MAX_HEALTH_BYTES:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, LONG_NAME)
        if len(self._watches) >= _MAX_WATCHES:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, _TOO_MANY_WATCHES)
        watch = asyncio.create_task(super().Watch(request, context))
        self._watches.add(watch)
        try:
            await watch
        except asyncio.CancelledError:
            if not self._ended:  # the client left
                raise
            await context.abort(grpc.StatusCode.UNAVAILABLE, _SHUTTING_DOWN)
        finally:
            self._watches.discard(watch)

    def end_watches(self) -> None:
        self._ended = True
        for watch in self._watches:
            watch.cancel()
