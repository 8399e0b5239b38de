"""`keras-resattn list`."""

from typing import Annotated

import typer

from keras_resattn_cli.columns import columns_that_fit
from keras_resattn_cli.columns import format_columns
from keras_resattn_cli.columns import terminal_width
from keras_resattn_cli.start import import_keras


def list_networks(
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="PATTERN",
            help="Which networks. `*`, `?` and `[...]` work as in file names.",
        ),
    ] = "*",
) -> None:
    """List the networks: parameters, multiply-adds, default size and classes."""
    import_keras()

    import keras_resattn

    names = keras_resattn.list_models(pattern)
    if not names:
        raise ValueError(
            "No network has such a name; `keras-resattn list` shows all. "
            f"Received: pattern={pattern!r}"
        )
    infos = {name: keras_resattn.model_info(name) for name in names}
    rows = [
        {
            "name": name,
            "parameters": f"{info.parameters:,}",
            "multiply-adds": f"{info.multiply_adds:,}",
            "size": str(info.default_size),
            "classes": str(info.classes),
        }
        for name, info in infos.items()
    ]
    numbers = ["parameters", "multiply-adds", "size", "classes"]
    shown = columns_that_fit(rows, terminal_width(), drop=numbers[::-1])
    typer.echo("\n".join(format_columns(rows, shown, right=numbers)))
