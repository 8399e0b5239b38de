"""The server of both protocols on one event loop, with the loader in a thread."""

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType
from urllib.parse import quote

import grpc
import uvicorn
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from keras_resattn_client.addresses import address_error
from keras_resattn_server.access_log import AccessLog
from keras_resattn_server.access_log import AccessLogInterceptor
from keras_resattn_server.access_log import AccessLogMiddleware
from keras_resattn_server.api_keys import ApiKeyInterceptor
from keras_resattn_server.api_keys import ApiKeyMiddleware
from keras_resattn_server.api_keys import ApiKeys
from keras_resattn_server.loading.loader import ModelLoader
from keras_resattn_server.options import ServerOptions
from keras_resattn_server.ports import url_host
from keras_resattn_server.requests.gate import Gate
from keras_resattn_server.rest.app import create_app
from keras_resattn_server.rest.connection import connection_class
from keras_resattn_server.rest.refusals import RefusalMiddleware
from keras_resattn_server.rpc.server import GrpcServer
from keras_resattn_server.running.batching import BatchScheduler
from keras_resattn_server.running.batching_parameters import BatchingParameters
from keras_resattn_server.running.inference import Inference
from keras_resattn_server.running.limits import RequestMemory
from keras_resattn_server.tls import Tls
from keras_resattn_server.trace import REQUEST_ID
from keras_resattn_server.trace import TRACEPARENT
from keras_resattn_server.trace import TraceInterceptor
from keras_resattn_server.trace import TraceMiddleware

# A client may already have sent a request on a connection that looks idle.
_LAST_REQUESTS_SECONDS = 0.5
_LOADER_STOP_SECONDS = 10
_LOADING_POLL_SECONDS = 1
_TRACE_HEADERS = (REQUEST_ID, TRACEPARENT)
_CORS_HEADERS = ("authorization", "content-encoding", "content-type", "x-api-key")

_logger = logging.getLogger(__name__)


class ServerProcess(uvicorn.Server):
    """Answer health URLs immediately, other requests when the models are loaded.

    Args:
        loader: Loads the models.
        options: The settings.
        announce: Called like `print` with one line per model when it is served, and
            one for gRPC.

    Raises:
        FileNotFoundError: If a file of an option is missing.
        PermissionError: If all users can read the API keys.
        ValueError: If an option or its file is invalid.
    """

    def __init__(
        self,
        loader: ModelLoader,
        options: ServerOptions,
        announce: Callable[..., object],
    ):
        self.loader = loader
        self.options = options
        self.announce = announce
        metrics = loader.metrics
        self.scheduler = None
        if options.batching_parameters_file is not None:
            parameters = BatchingParameters.read(options.batching_parameters_file)
            self.scheduler = BatchScheduler(parameters, metrics)
        self.inference = Inference(scheduler=self.scheduler, metrics=metrics)
        self.gate = Gate(
            loader.registry,
            metrics,
            options.max_queued_requests,
            lambda: loader.missing,
            RequestMemory(options.max_request_memory),
        )
        self.tls = Tls.choose(options.tls_certificate, options.tls_key)
        keys, log = options.api_key_file, options.access_log
        self.keys = None if keys is None else ApiKeys.read(keys)
        self.log = None if log is None else AccessLog.open(log)
        self.grpc_server: GrpcServer | None = None
        self.loading = threading.Thread(target=self._keep_loading, daemon=True)
        self.loaded, self.stop_loading = threading.Event(), threading.Event()
        self.load_error: Exception | None = None
        super().__init__(self._rest_config())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.gate.is_starting = True
        await super().startup(sockets)
        if self.keys and threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, self._reread_keys, self.keys)
        self.loading.start()
        while not self.loaded.is_set():
            await asyncio.sleep(0.02)
        if self.load_error:
            for server in self.servers:
                server.close()
            raise self.load_error
        grpc_port = await self._start_grpc()
        self.gate.is_starting = False
        for listener in sockets or ():
            self._announce(listener.getsockname()[1], grpc_port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.loaded.is_set():
            # Python aborts if it ends while a thread is inside TensorFlow. No request
            # was accepted, so there is nothing to finish.
            os._exit(128 + sig)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.gate.is_draining = True
        self.stop_loading.set()
        await self._delay_end()
        stopping = [self._stop_rest(sockets)]
        if self.grpc_server:
            stopping.append(self._stop_grpc(self.grpc_server))
        await asyncio.gather(*stopping)
        if self.scheduler:
            await asyncio.to_thread(self.scheduler.close, self.options.drain_seconds)
        await asyncio.to_thread(self.loading.join, _LOADER_STOP_SECONDS)

    def _rest_config(self) -> uvicorn.Config:
        options, tls = self.options, self.tls
        app: ASGIApp = create_app(
            self.loader.registry, self.inference, self.gate, options
        )
        if self.keys:
            app = ApiKeyMiddleware(app, self.keys)
        app = RefusalMiddleware(
            app, lambda: len(self.server_state.connections), options.max_connections
        )
        if options.rest_api_enable_cors_support:
            app = CORSMiddleware(
                app,
                options.cors_origins,
                ("GET", "POST"),
                (*_CORS_HEADERS, *_TRACE_HEADERS),
                expose_headers=_TRACE_HEADERS,
            )
        if self.log:
            app = AccessLogMiddleware(app, self.log)
        app = TraceMiddleware(app)
        return uvicorn.Config(
            app,
            http=connection_class(options.receive_timeout_seconds),
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=options.drain_seconds,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
        )

    def _reread_keys(self, keys: ApiKeys) -> None:
        path = self.options.api_key_file
        try:
            keys.replace(ApiKeys.read(path or ""))
        except (OSError, ValueError) as error:
            _logger.error("The API keys stay as they were: %s", error)
        else:
            _logger.info("Read the API keys again: %s", path)

    async def _start_grpc(self) -> int | None:
        host, port = self.options.host, self.options.grpc_port
        if port is None:
            return None
        interceptors: list[grpc.aio.ServerInterceptor] = [TraceInterceptor()]
        if self.log:
            interceptors.append(AccessLogInterceptor(self.log))
        if self.keys:
            interceptors.append(ApiKeyInterceptor(self.keys))
        self.grpc_server = GrpcServer(
            self.loader,
            self.inference,
            self.gate,
            self.options.max_request_bytes,
            self.options.receive_timeout_seconds,
            interceptors,
        )
        try:
            port = self.grpc_server.listen(url_host(host), port, self.tls)
        except RuntimeError as error:
            raise address_error(host, port, "--grpc-port", error) from error
        await self.grpc_server.start()
        return port

    async def _delay_end(self) -> None:
        """Continue to serve while load balancers learn that the server stops."""
        if self.grpc_server and self.options.drain_delay_seconds:
            await self.grpc_server.announce_end()
        end = time.monotonic() + self.options.drain_delay_seconds
        while time.monotonic() < end and not self.force_exit:  # a second Ctrl-C
            await asyncio.sleep(0.1)

    async def _stop_rest(self, sockets: list[socket.socket] | None) -> None:
        # One turn of the loop accepts the connections that wait.
        await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        self.server_state.default_headers.append((b"connection", b"close"))
        if self.server_state.connections:
            await asyncio.sleep(_LAST_REQUESTS_SECONDS)
        await super().shutdown(sockets)

    async def _stop_grpc(self, server: GrpcServer) -> None:
        stopping = asyncio.create_task(server.stop(self.options.drain_seconds))
        while not stopping.done() and not self.force_exit:
            await asyncio.wait({stopping}, timeout=0.1)

    def _keep_loading(self) -> None:
        try:
            self.loader.poll(at_once=True)
            while self.loader.is_waiting and not self.loader.registry.available():
                time.sleep(_LOADING_POLL_SECONDS)
                self.loader.poll(at_once=True)
            if not self.loader.registry.available():
                raise ValueError(
                    "No model became available. The log has the reason. "
                    f"Received: {self.loader.source}"
                )
        except Exception as error:
            self.load_error = error
            return
        finally:
            self.loaded.set()
        waits = (
            self.options.file_system_poll_wait_seconds,
            self.options.model_config_file_poll_wait_seconds,
        )
        seconds = min(filter(None, waits), default=0)
        self.loader.poll_until(self.stop_loading, seconds)

    def _announce(self, port: int, grpc_port: int | None) -> None:
        host = url_host(self.options.host)
        scheme = "https" if self.tls else "http"
        for name, versions in sorted(self.loader.registry.available().items()):
            numbers = ", ".join(map(str, versions))
            self.announce(
                f"Serving {name} version {numbers} at "
                f"{scheme}://{host}:{port}/v1/models/{quote(name)}",
                flush=True,
            )
        if grpc_port is not None:
            self.announce(f"Serving gRPC at {host}:{grpc_port}", flush=True)
