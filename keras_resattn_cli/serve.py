"""`keras-resattn serve`."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras

_VERSIONS = "Versions"
_LIMITS = "Limits"
_OPERATION = "Batching and monitoring"
_SECURITY = "Security"


def serve(
    base: Annotated[
        Path | None,
        typer.Argument(
            metavar="[BASE]",
            help="The folder with NAME/VERSION/saved_model.pb in it; the highest"
            " version of each model serves.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The REST port; 0 takes a free one.")
    ] = 8501,
    host: Annotated[
        str, typer.Option(help="The address to bind to; 0.0.0.0 is every one.")
    ] = "127.0.0.1",
    grpc_port: Annotated[
        int, typer.Option(min=0, max=65535, help="The gRPC port; 0 takes a free one.")
    ] = 8500,
    grpc: Annotated[bool, typer.Option(help="Serve gRPC, too.")] = True,
    model_config_file: Annotated[
        Path | None,
        typer.Option(
            help="Instead of BASE: a text proto with a model_config_list, as"
            " TensorFlow Serving reads it.",
            show_default=False,
            rich_help_panel=_VERSIONS,
        ),
    ] = None,
    model_config_file_poll_wait_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            help="How often to read that file again; 0 for never.",
            rich_help_panel=_VERSIONS,
        ),
    ] = 0,
    file_system_poll_wait_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            help="How often to look for new versions; 0 for never.",
            rich_help_panel=_VERSIONS,
        ),
    ] = 1,
    max_num_load_retries: Annotated[
        int,
        typer.Option(
            min=0,
            help="How often to try a version again that could not be loaded and whose"
            " files stay the same.",
            rich_help_panel=_VERSIONS,
        ),
    ] = 5,
    load_retry_interval_micros: Annotated[
        int,
        typer.Option(
            min=0,
            help="Microseconds between these attempts.",
            rich_help_panel=_VERSIONS,
        ),
    ] = 60_000_000,
    max_request_bytes: Annotated[
        int,
        typer.Option(
            min=1,
            help="The largest request, over REST and gRPC.",
            rich_help_panel=_LIMITS,
        ),
    ] = 64 * 1024 * 1024,
    max_request_memory: Annotated[
        int,
        typer.Option(
            min=1,
            help="The largest number of bytes of all requests in memory, over REST "
            "and gRPC. Others are refused, with 503 and RESOURCE_EXHAUSTED.",
            rich_help_panel=_LIMITS,
        ),
    ] = 1024 * 1024 * 1024,
    max_queued_requests: Annotated[
        int,
        typer.Option(
            min=1,
            help="How many requests are answered or wait at a time; more are refused,"
            " by 429 and UNAVAILABLE.",
            rich_help_panel=_LIMITS,
        ),
    ] = 256,
    max_connections: Annotated[
        int,
        typer.Option(
            min=1,
            help="How many REST connections there are at a time; on more, requests are"
            " refused by 503.",
            rich_help_panel=_LIMITS,
        ),
    ] = 4096,
    receive_timeout_seconds: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="Time for a REST request to arrive, from its first byte to its last.",
            rich_help_panel=_LIMITS,
        ),
    ] = 60,
    rest_api_timeout_in_ms: Annotated[
        int,
        typer.Option(
            min=1,
            help="Time to answer a REST request, in milliseconds. Over gRPC it is the"
            " client's deadline.",
            rich_help_panel=_LIMITS,
        ),
    ] = 30_000,
    drain_seconds: Annotated[
        int,
        typer.Option(
            min=0,
            help="Time for requests under way when the server is told to end.",
            rich_help_panel=_LIMITS,
        ),
    ] = 30,
    drain_delay_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            help="How long to serve on when the server is told to end, while /readyz"
            " says that it does.",
            rich_help_panel=_LIMITS,
        ),
    ] = 0,
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
            help="Run requests that wait together in one batch: a text proto of"
            " TensorFlow Serving's BatchingParameters.",
            show_default=False,
            rich_help_panel=_OPERATION,
        ),
    ] = None,
    monitoring_config_file: Annotated[
        Path | None,
        typer.Option(
            help="A text proto of TensorFlow Serving's MonitoringConfig. Without it"
            " the metrics are at /monitoring/prometheus/metrics.",
            show_default=False,
            rich_help_panel=_OPERATION,
        ),
    ] = None,
    access_log: Annotated[
        Path | None,
        typer.Option(
            help="A file to which each request adds a line of JSON; - for standard"
            " output.",
            show_default=False,
            rich_help_panel=_OPERATION,
        ),
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            help="Answer only requests with a key of this file (one per line), as "
            "'Authorization: Bearer KEY' or 'x-api-key: KEY'. SIGHUP reads it again.",
            show_default=False,
            rich_help_panel=_SECURITY,
        ),
    ] = None,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(
            help="A PEM file: serve HTTPS and gRPC over TLS.",
            show_default=False,
            rich_help_panel=_SECURITY,
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(
            help="The certificate's key, a PEM file.",
            show_default=False,
            rich_help_panel=_SECURITY,
        ),
    ] = None,
):
    """Serve SavedModels over TensorFlow Serving's REST and gRPC interfaces.

    New versions are loaded as they come, before the old ones are unloaded. Stop it by
    Ctrl-C or SIGTERM: requests under way are answered first.
    """
    import_keras()

    from keras_resattn_server import serve as serve_models

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("keras_resattn_server").setLevel(logging.INFO)
    serve_models(
        base,
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
