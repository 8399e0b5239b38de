"""A model by its folder, its Keras file, the name of its weights or its repository."""

import difflib
import hashlib
import json
import os
import warnings
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

from keras_resattn import hub
from keras_resattn.atomic_writing import write_beside
from keras_resattn.keras_file import Facts
from keras_resattn.keras_file import KerasFile
from keras_resattn.keras_file import open_keras_file
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import make_model_folder
from keras_resattn.model_folder import marked
from keras_resattn.model_folder import write_model_files
from keras_resattn.recipes.units import import_unit
from keras_resattn.recipes.units import is_code
from keras_resattn.typing import StrPath
from keras_resattn.version import __version__
from keras_resattn.views.outputs import outputs_by_name
from keras_resattn.weights import WeightsInfo
from keras_resattn.weights.address import CACHE
from keras_resattn.weights.address import keras_home
from keras_resattn.weights.table import read_table
from keras_resattn.zoo import find_name


def load_model(
    source: StrPath,
    labels: StrPath | Sequence[str] | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    resize: str | None = None,
    output: str | None = None,
    allow_code: bool = False,
) -> ModelFolder:
    """Return a trained model with its labels and its preprocessing.

    Example:

    >>> cifar10 = keras_resattn.load_model("cifar10")
    >>> probabilities = cifar10.predict(["cat.jpg", "ship.png"])  # (2, 10)
    >>> cifar10.labels[probabilities[0].argmax()]
    'cat'
    >>> masks = keras_resattn.attention_masks(cifar10.model)

    Args:
        source: One of these:

            * the path of a model folder, made by `keras-resattn train`
            * the path of a `.keras` file of any training
            * the name of weights of the package, such as `"cifar10"` or
              `"cifar_attention56:cifar10"`
            * a repository of the Hugging Face Hub, `"hf://OWNER/REPOSITORY"` or
              `"hf://OWNER/REPOSITORY@REVISION"`
        labels: For a `.keras` file: the names of the classes, or a file with one
            name per line. Defaults to those in the file that
            `keras_resattn.keras_file.write_facts` writes, otherwise to numbers.
        mean: For a `.keras` file: what to subtract from pixel values, 0 to 255, a
            float or one per channel.
        std: For a `.keras` file: the divisor of the difference.
        resize: For a `.keras` file: `"squash"` (the default), `"crop"` or `"pad"`,
            for images of another aspect ratio than the network's, see
            `keras_resattn.data.Preprocessing`.
        output: For a `.keras` file with several outputs: the name of the output with
            the classes.
        allow_code: Boolean, whether the module of a basic unit that the recipe names
            as `module:Class` may be imported. This runs the code of the module.

    Returns:
        A `keras_resattn.model_folder.ModelFolder` with `model`, `labels`,
        `preprocessing` and `predict`. For weights and Keras files it is in the
        cache of Keras, for the Hub in that of the Hub.

    Raises:
        FileNotFoundError: If there is no such model.
        ImportError: If a package for the Hub is missing.
        ValueError: If an argument is wrong, or needed and missing.
    """
    facts = Facts(labels, mean, std, resize, output)
    path = Path(source)
    if _is_lone_file(path) and not hub.is_repository(source):
        return _of_file(path, facts)
    if facts.given():
        raise ValueError(
            "Labels, mean, std, resize and output can only be given for a .keras file. "
            f"Any other model has its own; leave them out. Received: {source} with "
            f"{', '.join(facts.given())}"
        )
    folder = _found(source, path)
    if allow_code:
        _import_unit(folder)
    return folder


def is_model(source: str) -> bool:
    """Return whether `load_model` would find a model, without loading it.

    Args:
        source: As for `load_model`. A folder without `model.keras` is not a model,
            even if weights have its name.
    """
    path = Path(source)
    if hub.is_repository(source) or _is_lone_file(path):
        return True
    if path.exists():
        return path.name == MODEL or (path / MODEL).is_file()
    return _is_name(source) and len(weights_named(source)) == 1


def weights_named(name: str) -> list[WeightsInfo]:
    """Return the weights that a name such as `cifar10` may mean.

    Args:
        name: String: the name of weights, or `NETWORK:WEIGHTS`.
    """
    network, colon, weights = name.rpartition(":")
    named = [info for info in read_table() if info.name == weights]
    if not colon:
        return named
    network = find_name(network, {info.network for info in read_table()}, "network")
    return [info for info in named if info.network == network]


def full_name(info: WeightsInfo) -> str:
    """Return the unique name of weights: `NETWORK:WEIGHTS`."""
    return f"{info.network}:{info.name}"


def _is_lone_file(path: Path) -> bool:
    """Return whether a path is a Keras file, but not the one of a model folder."""
    in_folder = path.name == MODEL and (path.parent / RECIPE).is_file()
    return path.suffix == ".keras" and path.is_file() and not in_folder


def _found(source: StrPath, path: Path) -> ModelFolder:
    if isinstance(source, str) and hub.is_repository(source):
        return ModelFolder.open(hub.download(source))
    if path.name == MODEL and path.is_file():
        return ModelFolder.open(path.parent)
    named = (
        weights_named(source) if isinstance(source, str) and _is_name(source) else []
    )
    if (path / MODEL).is_file():
        if named:
            warnings.warn(
                f"There are also weights of this name. To use them, write "
                f"{full_name(named[0])}. Received: the folder {path}",
                stacklevel=3,
            )
        return ModelFolder.open(path)
    if len(named) == 1:
        if path.exists():
            warnings.warn(
                "A file or folder of this name exists, but it is not a model folder, "
                f"so the weights {full_name(named[0])} are used. Received: {source}",
                stacklevel=3,
            )
        return _of_weights(named[0])
    if path.exists():
        return ModelFolder.open(path)  # the error says what is missing
    raise FileNotFoundError(_not_found(source, named))


def _is_name(source: str) -> bool:
    """Return whether a text can be a name of weights, and not only a path."""
    network = source.rpartition(":")[0]
    return os.sep not in source and "." not in network


def _not_found(source: StrPath, named: Sequence[WeightsInfo]) -> str:
    names = ", ".join(full_name(info) for info in named or read_table())
    if named:
        return f"Several weights have this name: {names}. Received: {source}"
    known = {info.name for info in read_table()}
    close = difflib.get_close_matches(str(source), known, 1)
    hint = f"Did you mean {close[0]}? " if close else ""
    if Path(f"{source}.partial").is_dir():
        hint = (
            "This training has not ended; to end it, `keras-resattn train --resume "
            f"{source}`. "
        )
    return (
        f"There is no such model folder, .keras file or name of weights. {hint}"
        f"The names are {names}. `keras-resattn train` makes a model folder. "
        f"Received: {source}"
    )


def _import_unit(folder: ModelFolder) -> None:
    unit = folder.recipe.network.arguments.get("unit")
    if isinstance(unit, str) and is_code(unit):
        import_unit(unit)


# === Model folders in the cache of Keras ===


def _of_weights(info: WeightsInfo) -> ModelFolder:
    folder = _cached(
        f"weights {full_name(info)} {info.sha256}", f"{info.network}-{info.name}"
    )
    _make(folder, lambda path: make_model_folder(info.network, info.name, path))
    return ModelFolder.open(folder)


def _of_file(path: Path, facts: Facts) -> ModelFolder:
    file = open_keras_file(path, facts)
    state = path.stat()
    key = [str(path.resolve()), state.st_mtime_ns, state.st_size, file.labels]
    key.append(file.recipe.to_yaml() + next(iter(outputs_by_name(file.network))))
    folder = _cached(json.dumps(key), path.stem)
    _make(folder, lambda beside: _write_file(beside, path, file))
    opened = ModelFolder.open(folder)
    vars(opened)["model"] = marked(file.network, file.recipe)  # it is loaded already
    return opened


def _write_file(folder: Path, path: Path, file: KerasFile) -> None:
    def save(model: Path) -> None:
        if file.is_whole:
            model.symlink_to(path.resolve())
        else:
            file.network.save(model)

    folder.mkdir()
    write_model_files(folder, save, file.recipe.to_yaml(), file.labels)


def _cached(key: str, name: str) -> Path:
    digest = hashlib.sha256(f"{__version__} {key}".encode()).hexdigest()[:16]
    return keras_home() / CACHE / digest / name


def _make(folder: Path, write: Callable[[Path], object]) -> None:
    """Make a model folder in the cache, unless it is there."""
    if (folder / MODEL).is_file():
        return
    try:
        write_beside(folder, write)
    except OSError as error:
        if not (folder / MODEL).is_file():  # another process was not faster
            raise OSError(
                f"The model cannot be written to the cache of Keras: {error}. Set "
                "KERAS_HOME to a folder that you can write to. Received: "
                f"KERAS_HOME={keras_home()}"
            ) from error
