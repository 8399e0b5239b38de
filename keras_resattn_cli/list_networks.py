"""`keras-resattn list`."""

from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras


def list_networks(
    pattern: Annotated[
        str,
        typer.Argument(help="Which: `*`, `?` and `[...]` as in file names."),
    ] = "*",
):
    """List the networks: parameters, multiply-adds, default size and classes."""
    import_keras()

    import keras_resattn

    names = keras_resattn.list_models(pattern)
    if not names:
        raise ValueError(
            "No network has such a name; `keras-resattn list` shows all. "
            f"Received: pattern={pattern!r}"
        )
    typer.echo(
        f"{'name':24}{'parameters':>14}{'multiply-adds':>18}{'size':>6}{'classes':>9}"
    )
    for name in names:
        info = keras_resattn.model_info(name)
        typer.echo(
            f"{name:24}{info.parameters:14,}{info.multiply_adds:18,}"
            f"{info.default_size:6}{info.classes:9}"
        )
