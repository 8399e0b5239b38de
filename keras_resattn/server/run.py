"""The server process: its socket, its start and its end."""

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
from keras_resattn.server.registry import Labels
from keras_resattn.server.registry import ServableRegistry

_DRAIN_SECONDS = 30


def serve(
    base: str | Path,
    host: str = "127.0.0.1",
    port: int = 8501,
    labels: Labels | None = None,
    announce: Callable = print,
) -> None:
    """Serves the models in a folder until SIGTERM or Ctrl-C.

    Requests under way when the signal comes are still answered.

    Args:
        base: A folder with `NAME/<integer>/saved_model.pb`, or one model's own folder
            with `<integer>/saved_model.pb`. The highest version of each model serves.
        host: Address to listen on; `"0.0.0.0"` for all of IPv4.
        port: Port to listen on; 0 takes a free one.
        labels: For each model, its version labels: `{"clf": {"stable": 1}}`.
        announce: Called like `print` with one line for each model, once it is served.

    Raises:
        FileNotFoundError: Nothing in `base` can be served.
        OSError: The port is taken or may not be used.
    """
    # The port comes first: models can take minutes to load.
    with _listen(host, port) as listener:
        registry = ServableRegistry.load(base, labels)
        url = f"http://{_url_host(host)}:{listener.getsockname()[1]}"
        lines = [
            f"Serving {model.name} version {model.version} at"
            f" {url}/v1/models/{quote(model.name)}"
            for model in registry
        ]
        config = uvicorn.Config(
            create_app(registry),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        with _signals_end_in_success():
            _AnnouncingServer(config, lines, announce).run([listener])


class _AnnouncingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, lines: list[str], announce: Callable):
        super().__init__(config)
        self.lines = lines
        self.announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for line in self.lines:
            self.announce(line, flush=True)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if getattr(error, "errno", None) else error
        raise OSError(
            f"Cannot listen there ({reason}); choose another port with --port."
            f" Received: {host}:{port}"
        ) from error


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
