"""`keras-resattn summary`."""

import re
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras


def summary(
    name: Annotated[
        str, typer.Argument(metavar="NETWORK", help="A name from `keras-resattn list`.")
    ],
    size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="The height and width of the images, such as 320 or 320x224. "
            "Default: those of the network.",
        ),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(
            help="The number of classes. Default: that of the network.", min=1
        ),
    ] = None,
) -> None:
    """Show the parameters and multiply-adds of a network by stage and branch.

    They are counted from the network's graph, for trunk branches, mask branches
    and the rest.
    """
    shape = _input_shape(size)
    import_keras()

    import keras_resattn

    options = {"input_shape": shape, "classes": classes}
    given = {key: value for key, value in options.items() if value is not None}
    model = keras_resattn.create_model(name, **given)
    typer.echo(model.name)
    typer.echo(keras_resattn.complexity(model))


def _input_shape(size: str | None) -> tuple[int, int, int] | None:
    """Return the shape of RGB images of a size such as "320" or "320x224"."""
    if size is None:
        return None
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", size)
    if not match:
        raise typer.BadParameter(
            "--size must be one number of pixels, or two with an x between them, such "
            f"as 320 or 320x224. Received: size={size!r}"
        )
    height, width = match[1], match[2] or match[1]
    return (int(height), int(width), 3)
