"""`keras-resattn summary`."""

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated

import typer

from keras_resattn_cli.columns import terminal_width
from keras_resattn_cli.columns import wrapped
from keras_resattn_cli.options import AllowCodeOption
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.start import import_keras

if TYPE_CHECKING:
    import keras


def summary(
    name: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A network: a name from `keras-resattn list`. Or a model: a model "
            "folder, a .keras file, the name of weights, such as cifar10, or "
            "hf://OWNER/REPOSITORY@REVISION.",
        ),
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
            help="The number of classes of a network. Default: its own.", min=1
        ),
    ] = None,
    allow_code: AllowCodeOption = False,
) -> None:
    """Show the parameters and multiply-adds of a network by stage and branch.

    They are counted from the network's graph, for trunk branches, mask branches
    and the rest.
    """
    height_and_width = _height_and_width(size)
    import_keras()

    import keras_resattn
    from keras_resattn.model_source import is_model

    if is_model(name) or not _is_network(name):
        model = _model(name, classes, allow_code)
    else:
        model = _network(name, height_and_width, classes)
    typer.echo(model.name)
    width = terminal_width()
    for line in str(keras_resattn.complexity(model, height_and_width)).splitlines():
        typer.echo("\n".join(wrapped(line, width)))


def _is_network(name: str) -> bool:
    from keras_resattn.zoo import find_name

    try:
        find_name(name)
    except ValueError:
        return False
    return True


def _network(
    name: str, size: tuple[int, int] | None, classes: int | None
) -> "keras.Model":
    import keras_resattn

    shape = None if size is None else (*size, 3)
    options = {"input_shape": shape, "classes": classes}
    given = {key: value for key, value in options.items() if value is not None}
    return keras_resattn.create_model(name, **given)


def _model(name: str, classes: int | None, allow_code: bool) -> "keras.Model":
    """Return the network of a model. A Keras file needs no labels or preprocessing."""
    from keras_resattn import list_models
    from keras_resattn.model_folder import load_network
    from keras_resattn.model_source import is_model

    if classes is not None and is_model(name):
        raise typer.BadParameter(
            "--classes only works with the name of a network; a model has its classes. "
            f"Received: --classes {classes} with {name}"
        )
    path = Path(name)
    if path.suffix == ".keras" and path.is_file():
        return load_network(path)
    try:
        return ModelOptions(allow_code=allow_code).open(name).model
    except FileNotFoundError as error:
        close = difflib.get_close_matches(name, list_models(), 1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise ValueError(
            "There is no such network, model folder, .keras file or name of weights. "
            f"{hint}`keras-resattn list` shows the networks, `keras-resattn list "
            f"--weights` the weights. Received: {name}"
        ) from error


def _height_and_width(size: str | None) -> tuple[int, int] | None:
    """Return the numbers in a size such as "320" or "320x224"."""
    if size is None:
        return None
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", size)
    if not match:
        raise typer.BadParameter(
            "--size must be one number of pixels, or two with an x between them, such "
            f"as 320 or 320x224. Received: size={size!r}"
        )
    height, width = match[1], match[2] or match[1]
    return (int(height), int(width))
