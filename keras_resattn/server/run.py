"""The server process: its sockets, its start and its end."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import uvicorn

from keras_resattn.server.app import create_app
from keras_resattn.server.grpc_server import GrpcServer
from keras_resattn.server.inference import Inference
from keras_resattn.server.loader import ModelLoader
from keras_resattn.server.model_config import ModelConfigFile
from keras_resattn.server.model_config import ModelFolders
from keras_resattn.server.options import ServerOptions
from keras_resattn.server.registry import ServableRegistry

# A client may have sent a request on a connection that looks idle from here.
_LAST_REQUESTS_SECONDS = 0.5
_LOADER_STOP_SECONDS = 10


def serve(
    base: str | Path | None = None, *, announce: Callable = print, **options
) -> None:
    """Serves models over REST and gRPC until SIGTERM or Ctrl-C.

    New versions are loaded as they come, before the old ones are unloaded. Requests
    under way when the signal comes are still answered.

    Args:
        base: A folder with `NAME/<integer>/saved_model.pb`, or one model's own folder
            with `<integer>/saved_model.pb`. The highest version of each model serves.
            None where there is a model config file.
        announce: Called like `print` with one line for each model, once it is served,
            and one for gRPC.
        **options: Fields of `ServerOptions`.

    Raises:
        FileNotFoundError: There is no model.
        ValueError: No model can be loaded, or the model config file is not valid.
        OSError: A port is taken or may not be used.
    """
    options = ServerOptions(**options)
    # The ports come first: models can take minutes to load.
    with _listen(options.host, options.port) as listener:
        _check_grpc_port(options)
        server = _Server(_load(base, options), options, announce)
        with _signals_end_in_success():
            asyncio.run(server.serve([listener]))


class _Server(uvicorn.Server):
    """Both protocols on one event loop, and the loader beside it."""

    def __init__(self, loader: ModelLoader, options: ServerOptions, announce: Callable):
        self.loader = loader
        self.options = options
        self.announce = announce
        self.inference = Inference()
        self.grpc: GrpcServer | None = None
        self.stop_loading = threading.Event()
        limit = options.max_request_bytes
        super().__init__(
            uvicorn.Config(
                create_app(loader.registry, self.inference, limit),
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=options.drain_seconds,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        grpc_port = None
        if self.options.grpc_port is not None:
            limit = self.options.max_request_bytes
            self.grpc = GrpcServer(self.loader, self.inference, limit)
            grpc_port = _listen_grpc(self.grpc, self.options)
            await self.grpc.start()
        await super().startup(sockets)
        self.loading = threading.Thread(target=self._keep_loading, daemon=True)
        self.loading.start()
        self._announce(sockets[0].getsockname()[1], grpc_port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.stop_loading.set()
        stopping = [self._stop_rest(sockets)]
        if self.grpc:
            stopping.append(self._stop_grpc())
        await asyncio.gather(*stopping)
        await asyncio.to_thread(self.loading.join, _LOADER_STOP_SECONDS)

    async def _stop_rest(self, sockets: list[socket.socket] | None) -> None:
        # Connections that wait to be accepted are accepted by one turn of the loop.
        await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        self.server_state.default_headers.append((b"connection", b"close"))
        if self.server_state.connections:
            await asyncio.sleep(_LAST_REQUESTS_SECONDS)
        await super().shutdown(sockets)

    async def _stop_grpc(self) -> None:
        stopping = asyncio.create_task(self.grpc.stop(self.options.drain_seconds))
        while not stopping.done() and not self.force_exit:  # a second Ctrl-C
            await asyncio.wait({stopping}, timeout=0.1)

    def _keep_loading(self) -> None:
        seconds = self.options.file_system_poll_wait_seconds
        seconds = seconds or self.options.model_config_file_poll_wait_seconds
        if seconds:
            self.loader.poll_until(self.stop_loading, seconds)

    def _announce(self, port: int, grpc_port: int | None) -> None:
        host = _url_host(self.options.host)
        for name, versions in sorted(self.loader.registry.available().items()):
            numbers = ", ".join(map(str, versions))
            self.announce(
                f"Serving {name} version {numbers} at"
                f" http://{host}:{port}/v1/models/{quote(name)}",
                flush=True,
            )
        if grpc_port is not None:
            self.announce(f"Serving gRPC at {host}:{grpc_port}", flush=True)


def _load(base: str | Path | None, options: ServerOptions) -> ModelLoader:
    if (base is None) == (options.model_config_file is None):
        raise ValueError(
            "Name the models' folder or a model config file, one of the two."
            f" Received: {base}, {options.model_config_file}"
        )
    if base is not None:
        source = ModelFolders(base, options.labels)
    else:
        wait = options.model_config_file_poll_wait_seconds
        source = ModelConfigFile(options.model_config_file, wait)
    loader = ModelLoader(
        ServableRegistry(),
        source,
        options.max_num_load_retries,
        options.load_retry_interval_micros / 1e6,
    )
    loader.poll(at_once=True)
    if not loader.registry.available():
        received = base or options.model_config_file
        raise ValueError(
            f"No model became available; the log says why. Received: {received}"
        )
    return loader


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise _port_error(host, port, "--port", error) from error


def _check_grpc_port(options: ServerOptions) -> None:
    """gRPC takes its port when all is loaded: that it will get it is known now."""
    if options.grpc_port:
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        address = (options.host, options.grpc_port)
        try:
            socket.create_server(address, family=family).close()
        except (OSError, OverflowError) as error:
            raise _port_error(*address, "--grpc-port", error) from error


def _listen_grpc(server: GrpcServer, options: ServerOptions) -> int:
    try:
        return server.listen(_url_host(options.host), options.grpc_port)
    except RuntimeError as error:
        raise _port_error(
            options.host, options.grpc_port, "--grpc-port", error
        ) from error


def _port_error(host: str, port: int, option: str, error: Exception) -> OSError:
    reason = os.strerror(error.errno) if getattr(error, "errno", None) else error
    return OSError(
        f"Cannot listen there ({reason}); choose another port with {option}."
        f" Received: {host}:{port}"
    )


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextlib.contextmanager
def _signals_end_in_success() -> Iterator[None]:
    """uvicorn raises the signal that ended it once more after its clean shutdown:
    without a handler of ours the process would die of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGTERM, signal.SIGINT)
    previous = {number: signal.signal(number, lambda *_: None) for number in signals}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
