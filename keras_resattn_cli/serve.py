"""`keras-resattn serve`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras


def serve(
    base: Annotated[
        Path,
        typer.Argument(
            metavar="BASE", help="The folder with NAME/VERSION/saved_model.pb in it."
        ),
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The REST port; 0 takes a free one.")
    ] = 8501,
    host: Annotated[
        str, typer.Option(help="The address to bind to; 0.0.0.0 is every one.")
    ] = "127.0.0.1",
):
    """Serve SavedModels over TensorFlow Serving's REST interface.

    Stop it by Ctrl-C or SIGTERM: requests under way are answered first.
    """
    import_keras()

    from keras_resattn.server import serve as serve_models

    serve_models(base, host=host, port=port)
