"""Serving from the start of a process to its end."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

from keras_resattn_server.loading.loader import ModelLoader
from keras_resattn_server.loading.model_config import ModelConfigFile
from keras_resattn_server.loading.model_config import ModelFolders
from keras_resattn_server.models.registry import ServableRegistry
from keras_resattn_server.options import ServerOptions
from keras_resattn_server.ports import allow_connections
from keras_resattn_server.ports import check_grpc_port
from keras_resattn_server.ports import listen
from keras_resattn_server.process import ServerProcess
from keras_resattn_server.running.metrics import ServerMetrics


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
        FileNotFoundError: There is no model, or no file that an option names.
        ValueError: No model can be loaded, or an option or its file is not valid.
        PermissionError: Every user can read the API keys.
        OSError: A port is taken or may not be used.
    """
    options = ServerOptions(**options)
    # What can be wrong at once comes first: models can take minutes to load.
    with listen(options.host, options.port) as listener:
        check_grpc_port(options.host, options.grpc_port)
        server = ServerProcess(_loader(base, options), options, announce)
        allow_connections(options.max_connections)
        with _signals_end_in_success():
            asyncio.run(server.serve([listener]))


def _loader(base: str | Path | None, options: ServerOptions) -> ModelLoader:
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
    return ModelLoader(
        ServableRegistry(),
        source,
        options.max_num_load_retries,
        options.load_retry_interval_micros / 1e6,
        ServerMetrics(),
    )


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
