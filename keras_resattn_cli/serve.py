"""`keras-resattn serve`."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras

_VERSIONS = "Versions"


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
    max_request_bytes: Annotated[
        int, typer.Option(min=1, help="The largest request, over REST and gRPC.")
    ] = 64 * 1024 * 1024,
    drain_seconds: Annotated[
        int,
        typer.Option(
            min=0, help="Time for requests under way when the server is told to end."
        ),
    ] = 30,
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
):
    """Serve SavedModels over TensorFlow Serving's REST and gRPC interfaces.

    New versions are loaded as they come, before the old ones are unloaded. Stop it by
    Ctrl-C or SIGTERM: requests under way are answered first.
    """
    import_keras()

    from keras_resattn.server import serve as serve_models

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("keras_resattn").setLevel(logging.INFO)
    serve_models(
        base,
        host=host,
        port=port,
        grpc_port=grpc_port if grpc else None,
        max_request_bytes=max_request_bytes,
        drain_seconds=drain_seconds,
        model_config_file=model_config_file,
        model_config_file_poll_wait_seconds=model_config_file_poll_wait_seconds,
        file_system_poll_wait_seconds=file_system_poll_wait_seconds,
        max_num_load_retries=max_num_load_retries,
        load_retry_interval_micros=load_retry_interval_micros,
    )
