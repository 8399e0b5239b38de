"""Serve models until the process is told to stop."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

from keras_resattn_client.typing import StrPath
from keras_resattn_server.api_keys import ApiKeys
from keras_resattn_server.loading.loader import ModelLoader
from keras_resattn_server.loading.loader import ModelSource
from keras_resattn_server.loading.model_config import ModelConfigFile
from keras_resattn_server.loading.model_config import ModelFolders
from keras_resattn_server.models.registry import ServableRegistry
from keras_resattn_server.options import ServerOptions
from keras_resattn_server.ports import allow_connections
from keras_resattn_server.ports import check_grpc_port
from keras_resattn_server.ports import listen
from keras_resattn_server.process import ServerProcess
from keras_resattn_server.running.batching_parameters import BatchingParameters
from keras_resattn_server.running.metrics import ServerMetrics
from keras_resattn_server.running.metrics import read_metrics_path
from keras_resattn_server.tls import Tls


def serve(
    base: StrPath | None = None,
    *,
    announce: Callable[..., object] = print,
    **settings: Any,
) -> None:
    """Serve models over REST and gRPC until SIGTERM or Ctrl-C.

    New versions are loaded when they appear, before the old ones are unloaded.
    Accepted requests are answered after the signal.

    Args:
        base: A folder with `NAME/<integer>/saved_model.pb`, or a single model's folder
            with `<integer>/saved_model.pb`. The highest version of each model is
            served. None if there is a model config file.
        announce: Called like `print` with one line per model when it is served, and
            one for gRPC.
        **settings: Fields of `ServerOptions`.

    Raises:
        FileNotFoundError: If there is no model, or a file of an option is missing.
        ValueError: If no model can be loaded, or an option or its file is invalid.
        PermissionError: If all users can read the API keys.
        OSError: If a port is taken or not permitted.
    """
    options = ServerOptions(**settings)
    # Quick checks come first, because models can take minutes to load.
    with listen(options.host, options.port) as listener:
        check_grpc_port(options.host, options.grpc_port)
        server = ServerProcess(_loader(base, options), options, announce)
        allow_connections(options.max_connections)
        with _signals_end_in_success():
            asyncio.run(server.serve([listener]))


def check_options(options: ServerOptions) -> None:
    """Check ports and files without a model, for example before it is exported.

    Args:
        options: The settings.

    Raises:
        FileNotFoundError: If a file of an option is missing.
        ValueError: If a file is invalid.
        PermissionError: If other users can read the API keys.
        OSError: If a port is taken or not permitted.
    """
    listen(options.host, options.port).close()
    check_grpc_port(options.host, options.grpc_port)
    Tls.choose(options.tls_certificate, options.tls_key)
    for path, read in (
        (options.api_key_file, ApiKeys.read),
        (options.batching_parameters_file, BatchingParameters.read),
        (options.monitoring_config_file, read_metrics_path),
    ):
        if path is not None:
            read(path)


def _loader(base: StrPath | None, options: ServerOptions) -> ModelLoader:
    return ModelLoader(
        ServableRegistry(),
        _source(base, options),
        options.max_num_load_retries,
        options.load_retry_interval_micros / 1e6,
        ServerMetrics(),
    )


def _source(base: StrPath | None, options: ServerOptions) -> ModelSource:
    file, wait = options.model_config_file, options.model_config_file_poll_wait_seconds
    if base is not None and file is None:
        return ModelFolders(base, options.labels)
    if base is None and file is not None:
        return ModelConfigFile(file, wait)
    raise ValueError(
        "Give either the folder of the models or a model config file. "
        f"Received: {base}, {file}"
    )


@contextlib.contextmanager
def _signals_end_in_success() -> Iterator[None]:
    """Ignore the signal that uvicorn raises again after its clean shutdown."""
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
