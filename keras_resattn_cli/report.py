"""`keras-resattn report`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import require_extra


@takes_model
def report(
    opening: ModelOptions,
    model: ModelArgument,
    out: Annotated[
        Path,
        typer.Option(help="The HTML file to write.", metavar="FILE", dir_okay=False),
    ] = Path("report.html"),
    count: Annotated[
        int,
        typer.Option(
            min=1,
            max=100,
            help="How many test images to show of each kind: the first ones, wrong "
            "ones, the least certain ones.",
        ),
    ] = 8,
) -> None:
    """Write the report of a run as one HTML file.

    It shows the recipe, the curves of the training, the confusion table of
    `evaluate`, and what the first module of each stage does to test images.
    """
    require_extra("vis", "`report`", ("jinja2", "matplotlib"))
    import_keras()

    from keras_resattn import explain

    explain.write_report(opening.open(model), out, count)
    typer.echo(f"The report is {out}.")
