"""`keras-resattn serve`."""

import contextlib
import logging
from pathlib import Path
from typing import Annotated
from typing import Any

import typer

from keras_resattn_cli.options import Engine
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.serve_usage import check_options
from keras_resattn_cli.served_model import keep_kernels
from keras_resattn_cli.served_model import served_folder
from keras_resattn_cli.start import import_keras
from keras_resattn_cli.usage import usage_errors
from keras_resattn_client.extras import require_extra

_VERSIONS = "Versions"
_LIMITS = "Limits"
_OPERATION = "Batching and monitoring"
_SECURITY = "Security"
_RAY = "Ray"


@takes_model
def serve(
    opening: ModelOptions,
    context: typer.Context,
    base: Annotated[
        str | None,
        typer.Argument(
            metavar="BASE",
            help="The folder with NAME/VERSION/saved_model.pb. The highest version "
            "of each model is served. Or a MODEL, as for the other commands, such as "
            "cifar10: it is exported first.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="The REST port; 0 means any free port."),
    ] = 8501,
    host: Annotated[
        str, typer.Option(help="The address to bind to; 0.0.0.0 means all.")
    ] = "127.0.0.1",
    grpc_port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="The gRPC port; 0 means any free port."),
    ] = 8500,
    grpc: Annotated[bool, typer.Option(help="Also serve gRPC, not only REST.")] = True,
    model_config_file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A model config file of TensorFlow Serving (a text proto with a "
            "model_config_list), instead of BASE.",
            show_default=False,
            rich_help_panel=_VERSIONS,
        ),
    ] = None,
    model_config_file_poll_wait_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds between checks of the model config file; 0 means never.",
            rich_help_panel=_VERSIONS,
        ),
    ] = 0,
    file_system_poll_wait_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds between checks for new versions; 0 means never.",
            rich_help_panel=_VERSIONS,
        ),
    ] = 1,
    max_num_load_retries: Annotated[
        int,
        typer.Option(
            min=0,
            help="How often to retry a version that could not be loaded and whose "
            "files did not change.",
            rich_help_panel=_VERSIONS,
        ),
    ] = 5,
    load_retry_interval_micros: Annotated[
        int,
        typer.Option(
            min=0,
            help="Microseconds between the attempts to load a version.",
            rich_help_panel=_VERSIONS,
        ),
    ] = 60_000_000,
    max_request_bytes: Annotated[
        int,
        typer.Option(
            min=1,
            help="The size of the largest request in bytes, for REST and gRPC.",
            rich_help_panel=_LIMITS,
        ),
    ] = 64 * 1024 * 1024,
    max_request_memory: Annotated[
        int,
        typer.Option(
            min=1,
            help="The largest memory of all requests in bytes, over REST and gRPC. "
            "Each takes three times its size. Others are refused, with 503 and "
            "RESOURCE_EXHAUSTED.",
            rich_help_panel=_LIMITS,
        ),
    ] = 2 * 1024 * 1024 * 1024,
    max_queued_requests: Annotated[
        int,
        typer.Option(
            min=1,
            help="The number of requests that run or wait at the same time. More are "
            "refused with status 429 or UNAVAILABLE.",
            rich_help_panel=_LIMITS,
        ),
    ] = 256,
    max_connections: Annotated[
        int,
        typer.Option(
            min=1,
            help="The number of REST connections at the same time. Requests on more "
            "are refused with status 503.",
            rich_help_panel=_LIMITS,
        ),
    ] = 4096,
    receive_timeout_seconds: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="Seconds for a request to arrive, from its first byte to its last "
            "(on a new REST connection: from the connection), and for the client to "
            "read the answer.",
            rich_help_panel=_LIMITS,
        ),
    ] = 60,
    rest_api_timeout_in_ms: Annotated[
        int,
        typer.Option(
            min=1,
            help="Milliseconds to answer a REST request. With gRPC, the client sets a "
            "deadline.",
            rich_help_panel=_LIMITS,
        ),
    ] = 30_000,
    drain_seconds: Annotated[
        int,
        typer.Option(
            min=0,
            help="Seconds to finish accepted requests after SIGTERM or Ctrl-C.",
            rich_help_panel=_LIMITS,
        ),
    ] = 30,
    drain_delay_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds to keep serving after SIGTERM or Ctrl-C, while /readyz "
            "already reports that the server is ending.",
            rich_help_panel=_LIMITS,
        ),
    ] = 0,
    engine: Annotated[
        Engine,
        typer.Option(
            help="Serve in this process, or by replicas on the Ray cluster at "
            "RAY_ADDRESS (by default a new one on this machine).",
            rich_help_panel=_RAY,
        ),
    ] = Engine.local,
    min_replicas: Annotated[
        int,
        typer.Option(
            min=1,
            help="With --engine ray: the smallest number of replicas.",
            rich_help_panel=_RAY,
        ),
    ] = 1,
    max_replicas: Annotated[
        int,
        typer.Option(
            min=1,
            help="With --engine ray: the largest number of replicas.",
            rich_help_panel=_RAY,
        ),
    ] = 4,
    replica_cpus: Annotated[
        float,
        typer.Option(
            min=0,
            help="With --engine ray: the number of processors per replica.",
            rich_help_panel=_RAY,
        ),
    ] = 1,
    rest_api_enable_cors_support: Annotated[
        bool,
        typer.Option(
            "--rest-api-enable-cors-support",
            help="Let web pages of other origins read REST answers.",
            rich_help_panel=_SECURITY,
        ),
    ] = False,
    cors_origins: Annotated[
        list[str] | None,
        typer.Option(
            "--cors-origin",
            metavar="ORIGIN",
            help="With --rest-api-enable-cors-support: an origin, such as "
            "https://example.org; by default all. Can be repeated.",
            show_default=False,
            rich_help_panel=_SECURITY,
        ),
    ] = None,
    batching_parameters_file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A text proto of TensorFlow Serving's BatchingParameters. Waiting "
            "requests then run together in one batch.",
            show_default=False,
            rich_help_panel=_OPERATION,
        ),
    ] = None,
    monitoring_config_file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A text proto of TensorFlow Serving's MonitoringConfig. By default "
            "the metrics are at /monitoring/prometheus/metrics.",
            show_default=False,
            rich_help_panel=_OPERATION,
        ),
    ] = None,
    access_log: Annotated[
        Path | None,
        typer.Option(
            help="A file for a line of JSON per request; - means standard output.",
            show_default=False,
            rich_help_panel=_OPERATION,
        ),
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A file with one API key per line. Requests must have one of them in "
            "the header 'Authorization: Bearer KEY' or 'x-api-key: KEY'. SIGHUP reads "
            "the file again.",
            show_default=False,
            rich_help_panel=_SECURITY,
        ),
    ] = None,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A PEM file with the certificate. The server then uses HTTPS, and "
            "TLS for gRPC.",
            show_default=False,
            rich_help_panel=_SECURITY,
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A PEM file with the private key of the certificate.",
            show_default=False,
            rich_help_panel=_SECURITY,
        ),
    ] = None,
) -> None:
    """Serve SavedModels through TensorFlow Serving's REST and gRPC interfaces.

    New versions are loaded when they appear, before the old ones are unloaded. On
    Ctrl-C or SIGTERM the server finishes the accepted requests.
    """
    check_options(context, engine)
    require_extra("ray" if engine is Engine.ray else "serve", "`serve`")
    keep_kernels(base)
    import_keras()

    if engine is Engine.ray:
        from keras_resattn.on_ray.server import serve_on_ray

        replicas = (min_replicas, max_replicas, replica_cpus)
        with served_folder(str(base), opening) as folder:
            serve_on_ray(folder, host, port, grpc_port, *replicas)
        return

    from keras_resattn_server import ServerOptions
    from keras_resattn_server import check_options as check_server_options
    from keras_resattn_server import serve as serve_models

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("keras_resattn_server").setLevel(logging.INFO)
    options: dict[str, Any] = dict(
        host=host,
        port=port,
        grpc_port=grpc_port if grpc else None,
        max_request_bytes=max_request_bytes,
        max_request_memory=max_request_memory,
        rest_api_enable_cors_support=rest_api_enable_cors_support,
        cors_origins=tuple(cors_origins or ("*",)),
        drain_seconds=drain_seconds,
        model_config_file=model_config_file,
        model_config_file_poll_wait_seconds=model_config_file_poll_wait_seconds,
        file_system_poll_wait_seconds=file_system_poll_wait_seconds,
        max_num_load_retries=max_num_load_retries,
        load_retry_interval_micros=load_retry_interval_micros,
        max_queued_requests=max_queued_requests,
        max_connections=max_connections,
        receive_timeout_seconds=receive_timeout_seconds,
        rest_api_timeout_in_ms=rest_api_timeout_in_ms,
        drain_delay_seconds=drain_delay_seconds,
        batching_parameters_file=batching_parameters_file,
        monitoring_config_file=monitoring_config_file,
        access_log=access_log,
        api_key_file=api_key_file,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
    )
    with usage_errors():
        checked = ServerOptions(**options)
    check_server_options(checked)  # before a model is exported
    with served_folder(base, opening) if base else contextlib.nullcontext() as folder:
        serve_models(folder, **options)
