"""A model that `keras-resattn serve` exports before it serves it."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import typer

from keras_resattn_cli.options import ModelOptions

NO_OPTIONS = ModelOptions()


def keep_kernels(base: str | None) -> None:
    """Let TensorFlow keep the kernels of convolutions in the layout of oneDNN.

    Not if BASE is a model, because exporting it changes kernels in this process.

    Args:
        base: The folder to serve, or a model. None means a model config file.
    """
    if base is None or _has_exports(Path(base)):
        os.environ.setdefault("TF_ONEDNN_ASSUME_FROZEN_WEIGHTS", "1")


@contextlib.contextmanager
def served_folder(base: str, opening: ModelOptions = NO_OPTIONS) -> Iterator[Path]:
    """Return the folder to serve.

    Args:
        base: The folder with NAME/VERSION/saved_model.pb. Or a model, as for the other
            commands: it is exported to a temporary folder, which is removed at the
            end.
        opening: The options with which a model is opened.
    """
    path = Path(base)
    if _has_exports(path):
        _refuse(opening, base)
        yield path  # without an import of Keras, which the server does not need
        return
    from keras_resattn.model_source import is_model

    if not is_model(base):
        _refuse(opening, base)
        yield path  # the server says what is wrong
        return
    from keras_resattn.export import export

    # Not resolved, because a link has a name of its own.
    name = Path(os.path.abspath(base)).stem.split(":")[-1]
    with tempfile.TemporaryDirectory(prefix="keras-resattn-") as folder:
        typer.echo(
            f"Exporting {base} to a temporary folder. To keep the export, run: "
            f"keras-resattn export {base} served/{name}/1"
            + ("" if opening == NO_OPTIONS else " (with the same options)")
        )
        export(opening.open(base), Path(folder, name, "1"))
        typer.echo(f"The model is served as {name}.")
        yield Path(folder)


def _has_exports(path: Path) -> bool:
    return path.is_dir() and not (path / "model.keras").is_file()


def _refuse(opening: ModelOptions, base: str) -> None:
    """Raise a usage error if options for a model are given, but BASE is not one."""
    if opening != NO_OPTIONS:
        raise typer.BadParameter(
            "The options for a .keras file, and --allow-code, only work if BASE is a "
            f"MODEL. Leave them out. Received: BASE {base}"
        )
