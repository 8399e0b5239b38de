"""A model that `keras-resattn serve` exports before it serves it."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import typer


@contextlib.contextmanager
def served_folder(base: str) -> Iterator[Path]:
    """Return the folder to serve.

    Args:
        base: The folder with NAME/VERSION/saved_model.pb. Or a model, as for the other
            commands: it is exported to a temporary folder, which is removed at the
            end.
    """
    path = Path(base)
    if path.is_dir() and not (path / "model.keras").is_file():
        yield path  # without an import of Keras, which the server does not need
        return
    from keras_resattn.model_source import is_model

    if not is_model(base):
        yield path  # the server says what is wrong
        return
    from keras_resattn.export import export
    from keras_resattn.model_source import load_model

    name = Path(base).stem.split(":")[-1]
    with tempfile.TemporaryDirectory(prefix="keras-resattn-") as folder:
        typer.echo(
            f"Exporting {base} to a temporary folder. To keep the export, run: "
            f"keras-resattn export {base} served/{name}/1"
        )
        export(load_model(base), Path(folder, name, "1"))
        typer.echo(f"The model is served as {name}.")
        yield Path(folder)
