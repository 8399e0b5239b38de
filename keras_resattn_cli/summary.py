"""`keras-resattn summary`."""

import re
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras


def summary(
    name: Annotated[str, typer.Argument(help="A network, see `keras-resattn list`.")],
    size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Height and width of an image: 320, or 320x224. Default: the "
            "network's own.",
        ),
    ] = None,
    classes: Annotated[
        int | None, typer.Option(help="The number of classes.", min=1)
    ] = None,
):
    """Show what a network costs, for each stage and branch.

    Parameters and multiply-adds, of trunk branches, mask branches and the
    rest, counted from the network's graph.
    """
    shape = _input_shape(size)
    import_keras()

    import keras_resattn

    options = {"input_shape": shape, "classes": classes}
    given = {key: value for key, value in options.items() if value is not None}
    model = keras_resattn.create_model(name, **given)
    typer.echo(model.name)
    typer.echo(keras_resattn.complexity(model))


def _input_shape(size):
    """Return the shape of an image of a size such as "320" or "320x224"."""
    if size is None:
        return None
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", size)
    if not match:
        raise ValueError(
            "`size` must be a number of pixels or two with an x between, such as 320 "
            f"or 320x224. Received: size={size!r}"
        )
    height, width = match[1], match[2] or match[1]
    return (int(height), int(width), 3)
