"""A Keras file of any training as a model: its labels and preprocessing are given."""

import dataclasses
import json
import os
import warnings
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_resattn.atomic_writing import write_beside
from keras_resattn.data.class_names import check_class_names
from keras_resattn.data.class_names import read_class_names
from keras_resattn.layers.arguments import choice
from keras_resattn.model_folder import UNKNOWN_DATA
from keras_resattn.model_folder import load_network
from keras_resattn.recipes.settings import Data
from keras_resattn.recipes.settings import Network
from keras_resattn.recipes.settings import Preprocessing
from keras_resattn.recipes.settings import Recipe
from keras_resattn.typing import StrPath
from keras_resattn.views.classifier_output import last_computing
from keras_resattn.views.classifier_output import output_kind
from keras_resattn.views.graph import flatten_layers
from keras_resattn.views.graph import graph_of
from keras_resattn.views.graph import is_functional
from keras_resattn.views.outputs import with_output

SIDECAR = ".json"
RESIZES = ("squash", "crop", "pad")
STANDARDIZING = (keras.layers.Rescaling, keras.layers.Normalization)


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a Keras file does not state about its model.

    Args:
        labels: The names of the classes, in the order of the outputs, or the path of
            a file with one name per line.
        mean: Subtracted from pixel values, 0 to 255: a float, or one per channel.
        std: The divisor of the difference: a float, or one per channel.
        resize: How images of another aspect ratio than the network's are resized:
            `"squash"` (the default), `"crop"` or `"pad"`, see
            `keras_resattn.data.Preprocessing`.
        output: The name of the output with the classes, if there are several.
    """

    labels: StrPath | Sequence[str] | None = None
    mean: float | Sequence[float] | None = None
    std: float | Sequence[float] | None = None
    resize: str | None = None
    output: str | None = None

    def given(self) -> dict[str, Any]:
        """Return the facts that are stated."""
        facts = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: value for name, value in facts.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class KerasFile:
    """A network that was read from a Keras file, with its labels and recipe.

    Attributes:
        network: A `keras.Model` from standardized images to probabilities.
        labels: The names of the classes.
        recipe: A `Recipe` with the preprocessing. Its data is unknown.
        is_whole: Whether the network is exactly that of the file.
    """

    network: keras.Model
    labels: tuple[str, ...]
    recipe: Recipe
    is_whole: bool


def write_facts(
    path: StrPath,
    labels: StrPath | Iterable[str] | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    resize: str | None = None,
) -> Path:
    """Write the labels and the preprocessing of a Keras file beside it.

    `load_model` and the commands read this file.

    Example:

    >>> model.save("cats.keras")
    >>> write_facts("cats.keras", ["cat", "dog"], mean=127.5, std=127.5)
    PosixPath('cats.json')

    Args:
        path: The path of the Keras file.
        labels: See `Facts`.
        mean: See `Facts`.
        std: See `Facts`.
        resize: See `Facts`.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        FileNotFoundError: If `labels` is the path of a file that does not exist.
        ValueError: If `mean` or `std` are not numbers.
    """
    facts = Facts(
        None if labels is None else _names(labels),
        None if mean is None else _numbers("mean", mean, path),
        None if std is None else _numbers("std", std, path),
        resize,
    )
    text = json.dumps(facts.given(), indent=1) + "\n"
    sidecar = Path(path).with_suffix(SIDECAR)
    write_beside(sidecar, lambda beside: beside.write_text(text, "utf-8"))
    return sidecar


def open_keras_file(path: Path, facts: Facts) -> KerasFile:
    """Read a Keras file and the facts beside it.

    Args:
        path: The path of a `.keras` file.
        facts: The `Facts` that are given. They win over those beside the file.

    Raises:
        ValueError: If the file is not a classifier of images, or its labels or
            preprocessing are unknown or wrong.
    """
    stated = {**_beside(path), **facts.given()}
    stored = load_network(path)
    chosen = _chosen_output(stored, stated.get("output"), path)
    shape = _image_shape(chosen, path)
    network = as_classifier(chosen, path)
    mean, std = _standardization(network, stated, path)
    resize = choice("resize", stated.get("resize", "squash"), RESIZES)
    recipe = Recipe(
        data=Data(name=UNKNOWN_DATA),
        network=Network(name=network.name, input_shape=shape),
        preprocessing=Preprocessing(resize=resize, mean=mean, std=std),
    )
    labels = _labels(stated.get("labels"), network.output_shape[-1], path)
    return KerasFile(network, labels, recipe, network is stored)


def _beside(path: Path) -> dict[str, Any]:
    sidecar = path.with_suffix(SIDECAR)
    if not sidecar.is_file():
        return {}
    try:
        stated = json.loads(sidecar.read_text("utf-8"))
        return Facts(**stated).given()
    except (ValueError, TypeError) as error:
        raise ValueError(
            "This file beside a Keras file must be a JSON object with labels, mean, "
            f"std, resize or output: {error}. Correct it or move it away. "
            f"Received: {sidecar}"
        ) from error


def _chosen_output(model: keras.Model, name: str | None, path: Path) -> keras.Model:
    """Return the model with only the output of this name."""
    try:
        return with_output(model, name)
    except ValueError as error:
        raise ValueError(
            f"Choose the output with the classes: --output NAME, in Python "
            f"output=NAME. {error} for {path}"
        ) from error


def as_classifier(model: keras.Model, path: StrPath) -> keras.Model:
    """Return a model that gives probabilities; add a softmax after logits."""
    shape = model.output_shape
    if not is_functional(model) or not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError(
            "A model must be functional or a built Sequential, with one output of "
            "shape (N, classes). A network without its top has no classes. "
            f"Received: {path} with the output shape {shape}"
        )
    if shape[-1] < 2:
        raise ValueError(
            "A model needs an output for each class. For two classes, use "
            f"Dense(2, 'softmax'). Received: {path} with the output shape {shape}"
        )
    kind = output_kind(model)
    if kind == "probabilities":
        return model
    if kind == "other":
        warnings.warn(
            "The outputs of the model are not probabilities whose sum is 1. They are "
            "shown as they are. For one class per image, end the model in a softmax: "
            f"Dense(classes, 'softmax'). Received: {path} with the last layer "
            f"{last_computing(model).operation.name!r}",
            stacklevel=2,
        )
        return model
    warnings.warn(
        "The model returns logits; a softmax was added to get probabilities. "
        f"Received: {path}",
        stacklevel=2,
    )
    graph = graph_of(model)
    probabilities = keras.layers.Softmax(dtype="float32")(graph.outputs[0])
    return keras.Model(graph.input, probabilities, name=model.name)


def _image_shape(model: keras.Model, path: Path) -> tuple[int, int, int]:
    shape = model.input_shape
    images = isinstance(shape, tuple) and len(shape) == 4
    if not images or None in shape[1:]:
        raise ValueError(
            "A model must take one batch of images (N, height, width, channels) of a "
            "known size. If it takes any size, build it with `input_shape`, load the "
            f"weights and save it again. Received: {path} with the input shape {shape}"
        )
    height, width, channels = shape[1:]
    return height, width, channels


def _standardization(
    model: keras.Model, stated: dict[str, Any], path: Path
) -> tuple[Any, Any]:
    """Return mean and std, or an error if nothing shows what they are."""
    values = [stated.get("mean"), stated.get("std")]
    if all(value is not None for value in values):
        channels = model.input_shape[-1]
        mean, std = (
            _numbers(name, stated[name], path, channels) for name in ("mean", "std")
        )
        return mean, std
    own = [x.name for x in flatten_layers(model) if isinstance(x, STANDARDIZING)]
    if own and values == [None, None]:
        warnings.warn(
            f"The model standardizes pixels itself (layer '{own[0]}'), so it gets "
            f"pixels from 0 to 255. Received: {path}",
            stacklevel=2,
        )
        return 0.0, 1.0
    raise ValueError(
        "A Keras file does not state how to standardize pixels. Give what was "
        "subtracted from pixels of 0 to 255, and the divisor, such as --mean 127.5 "
        "--std 127.5; in Python mean=127.5, std=127.5. If the model takes pixels of 0 "
        f"to 255: --mean 0 --std 1. Received: {path} with mean={values[0]}, "
        f"std={values[1]}"
    )


def _numbers(name: str, value: Any, path: StrPath, channels: int | None = None) -> Any:
    """Return a mean or std: a float, or a tuple with a float per channel."""
    try:
        numbers = np.ravel(np.asarray(value, "float64"))
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    fit = len(numbers) > 0 if channels is None else len(numbers) in (1, channels)
    if not (
        fit and np.isfinite(numbers).all() and (name == "mean" or numbers.min() > 0)
    ):
        each = "one per channel" if channels is None else f"{channels}, one per channel"
        above = " above 0" if name == "std" else ""
        raise ValueError(
            f"`{name}` must be one finite number{above}, or {each}. In a command, "
            f"write commas between them: --{name} 0.5,0.4,0.3. "
            f"Received: {name}={value!r} for {path}"
        )
    return float(numbers[0]) if len(numbers) == 1 else tuple(numbers.tolist())


def _labels(labels: Any, classes: int, path: Path) -> tuple[str, ...]:
    if labels is None:
        warnings.warn(
            f"The names of the classes are unknown, so they are 0 to {classes - 1}. "
            f"Give them with --labels FILE, in Python labels=[...]. Received: {path}",
            stacklevel=2,
        )
        return tuple(str(number) for number in range(classes))
    labels = _names(labels)
    if len(labels) != classes:
        raise ValueError(
            f"The model has {classes} classes. Give one label per class, one per "
            f"line. Received: {len(labels)} labels for {path}"
        )
    check_class_names(labels, path)
    return tuple(labels)


def _names(labels: StrPath | Iterable[str]) -> list[str]:
    """Return the names of classes, which a file with one per line may hold."""
    if isinstance(labels, str | os.PathLike):
        return read_class_names(labels)
    return [str(label) for label in labels]
