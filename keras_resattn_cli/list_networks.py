"""`keras-resattn list`."""

import fnmatch
from typing import Annotated

import typer

from keras_resattn_cli.columns import table_lines
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
    weights: Annotated[
        bool,
        typer.Option(
            "--weights", help="List the trained weights of the package instead."
        ),
    ] = False,
) -> None:
    """List the networks: parameters, multiply-adds, default size and classes.

    With --weights: the names of trained weights, which every command takes as MODEL,
    their error on the test images, and the size of the file.
    """
    if weights:
        _list_weights(pattern)
        return
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
    lines = table_lines(rows, numbers[::-1], numbers, terminal_width())
    typer.echo("\n".join(lines))


def _list_weights(pattern: str) -> None:
    import_keras()

    from keras_resattn.model_source import full_name
    from keras_resattn.weights.table import read_table

    rows = [
        {
            "name": full_name(info),
            "error": f"{1 - info.accuracy:.2%}",
            "test images": f"{info.test_images:,} of {info.data}",
            "classes": str(info.classes),
            "image": "x".join(map(str, info.input_shape)),
            "MB": f"{info.size / 1e6:.1f}",
            "licence": info.licence,
        }
        for info in read_table()
        if fnmatch.fnmatch(full_name(info), pattern)
        or fnmatch.fnmatch(info.network, pattern)
    ]
    if not rows:
        raise ValueError(
            "No weights have such a name; `keras-resattn list --weights` shows all. "
            f"Received: pattern={pattern!r}"
        )
    numbers = ["error", "classes", "MB"]
    dropped = ["licence", "classes", "image", "test images"]
    typer.echo("\n".join(table_lines(rows, dropped, numbers, terminal_width())))
