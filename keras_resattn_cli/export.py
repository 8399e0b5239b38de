"""`keras-resattn export`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.start import import_keras


def export(
    model: ModelArgument,
    out: Annotated[
        Path,
        typer.Argument(
            metavar="BASE/NAME/VERSION",
            help="The folder to make. The version is a number, as in served/demo/1.",
        ),
    ],
):
    """Export a model as a SavedModel for TensorFlow Serving or `serve`."""
    import_keras()

    from keras_resattn.export import export as export_model
    from keras_resattn.model_folder import ModelFolder

    export_model(ModelFolder.open(model), out)
    typer.echo(
        f"The SavedModel is {out}. Serve it: keras-resattn serve {out.parents[1]}"
    )
