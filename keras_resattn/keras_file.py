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

from keras_resattn.layers.arguments import choice
from keras_resattn.model_folder import UNKNOWN_DATA
from keras_resattn.model_folder import load_network
from keras_resattn.model_folder import write_beside
from keras_resattn.recipes.settings import Data
from keras_resattn.recipes.settings import Network
from keras_resattn.recipes.settings import Preprocessing
from keras_resattn.recipes.settings import Recipe
from keras_resattn.typing import StrPath
from keras_resattn.views.flat import flattened
from keras_resattn.views.graph import flatten_layers
from keras_resattn.views.graph import graph_of
from keras_resattn.views.graph import is_functional
from keras_resattn.views.graph import producer_of
from keras_resattn.views.outputs import with_output
from keras_resattn.views.renamed import unwrap

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
    labels: Iterable[str] | None = None,
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
        labels: The names of the classes, in the order of the outputs.
        mean: See `Facts`.
        std: See `Facts`.
        resize: See `Facts`.

    Returns:
        The `pathlib.Path` of the file.
    """
    names = None if labels is None else list(labels)
    text = json.dumps(Facts(names, mean, std, resize).given(), indent=1) + "\n"
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
    network = as_classifier(_chosen_output(stored, stated.get("output"), path), path)
    shape = _image_shape(network, path)
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
    last = unwrap(producer_of(flattened(model).outputs[0]))
    if getattr(last, "activation", None) is not keras.activations.linear:
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
    if None not in values:
        mean, std = (_one_or_each(value) for value in values)
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


def _one_or_each(value: Any) -> Any:
    each = list(value) if isinstance(value, Sequence) else [value]
    return each[0] if len(each) == 1 else tuple(each)


def _lines(file: Path) -> list[str]:
    if not file.is_file():
        raise FileNotFoundError(
            "There is no such file of class names. Write one name per line, in the "
            f"order of the outputs. Received: labels={file}"
        )
    return file.read_text(encoding="utf-8").splitlines()


def _labels(labels: Any, classes: int, path: Path) -> tuple[str, ...]:
    if labels is None:
        warnings.warn(
            f"The names of the classes are unknown, so they are 0 to {classes - 1}. "
            f"Give them with --labels FILE, in Python labels=[...]. Received: {path}",
            stacklevel=2,
        )
        return tuple(str(number) for number in range(classes))
    if isinstance(labels, str | os.PathLike):
        labels = _lines(Path(labels))
    if len(labels) != classes:
        raise ValueError(
            f"The model has {classes} classes. Give one label per class, one per "
            f"line. Received: {len(labels)} labels for {path}"
        )
    return tuple(map(str, labels))
