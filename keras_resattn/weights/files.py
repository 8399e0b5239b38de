"""Load a weights file of any format into a network."""

import io
import json
import os
import re
import textwrap
import warnings
import zipfile

import h5py
import keras

from keras_resattn.typing import Activation
from keras_resattn.typing import StrPath
from keras_resattn.weights.address import fetch
from keras_resattn.weights.address import is_address
from keras_resattn.weights.address import resolve
from keras_resattn.weights.packed import load_packed


class OtherAttention(ValueError):
    """The file is whole, but its network has other attention modules."""


def check_weights(
    weights: StrPath | None,
    include_top: bool = True,
    classifier_activation: Activation = "softmax",
) -> None:
    """Raise a `ValueError` if the argument `weights` of a network is wrong.

    Args:
        weights: `None`, the path to a weights file or its address.
        include_top: Boolean, whether the network has a classifier.
        classifier_activation: The activation of the classifier.
    """
    if weights is None:
        return
    if is_address(weights):
        resolve(weights)
    elif not (isinstance(weights, str | os.PathLike) and os.path.isfile(weights)):
        raise ValueError(
            f"{no_such_file(weights)}`weights` must be None (random "
            "initialization), the path to a weights file (.weights.h5, .keras or "
            ".npz) or its address (https://... or hf://...). "
            f"Received: weights={weights}"
        )
    allowed = {keras.activations.softmax, keras.activations.linear}
    if include_top and keras.activations.get(classifier_activation) not in allowed:
        raise ValueError(
            "With weights from a file, `classifier_activation` must be "
            "'softmax' or None. "
            f"Received: classifier_activation={classifier_activation}"
        )


def no_such_file(weights: object) -> str:
    """Return that a file is missing, if `weights` can be the name of one, or `""`."""
    is_path = isinstance(weights, str | os.PathLike)
    return "There is no such file. " if is_path else ""


def load_weights(model: keras.Model, weights: StrPath) -> None:
    """Load a weights file into a network, or raise an error with the reason.

    If the file's classifier has another number of classes, the body of the
    network is loaded and the classifier keeps its random initialization, with
    a warning: the start of fine-tuning.

    Args:
        model: A `keras.Model`. Its classifier, if any, is named `predictions`.
        weights: The path or the address of a `.weights.h5` or `.keras` file, or
            of a `.npz` file written by `save_packed`.

    Raises:
        OSError: If the file cannot be downloaded.
        ValueError: If the file has another format or other weights.
    """
    path = fetch(weights) if is_address(weights) else weights
    load = load_packed if str(path).endswith(".npz") else _load_keras
    try:
        stored = load(model, path)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        reason = textwrap.shorten(str(error), 600)
        is_whole = path is weights or isinstance(error, OtherAttention)
        kept = "" if is_whole else f" Delete {path} to download it again."
        raise ValueError(
            f"These weights do not fit the network '{model.name}' with input "
            f"{model.input_shape} and output {model.output_shape}: {reason}{kept} "
            f"Received: weights={weights}"
        ) from error
    classes = _classes(model)
    if classes and stored not in (None, classes):
        warnings.warn(
            f"The classifier of '{model.name}' has {classes} classes and that of "
            f"the weights {stored}: the body was loaded, the classifier is random. "
            f"Train it before use. Received: weights={weights}",
            stacklevel=4,
        )


def _load_keras(model: keras.Model, path: StrPath) -> int | None:
    classes = _classes(model)
    stored = _stored_classes(path) if classes else None
    body = model
    if stored not in (None, classes):
        body = keras.Model(model.input, model.get_layer("predictions").input)
    _check_attention(model, path)
    body.load_weights(path)
    return stored


def _check_attention(model: keras.Model, path: StrPath) -> None:
    """Raise a `ValueError` if a Keras file has other masks: their weights would fit."""
    if not (zipfile.is_zipfile(path) and str(path).endswith(".keras")):
        return
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))["config"]
    stored = {
        _attention(layer["class_name"], layer["config"].get("activation"))
        for layer in config.get("layers", ())
    }
    own = {
        _attention(type(layer).__name__, getattr(layer, "activation", None))
        for layer in model.layers
    }
    if stored - {""} and stored != own:
        theirs, ours = (
            ", ".join(sorted(some - {""})) or "none"
            for some in (stored - own, own - stored)
        )
        raise OtherAttention(f"its attention modules have {theirs} in place of {ours}.")


def _attention(class_name: str, activation: object) -> str:
    """Return what an attention module computes, "" for other layers."""
    if class_name in ("AttentionResidualLearning", "NaiveAttentionLearning"):
        return class_name
    is_mask = class_name in ("SoftMaskBranch", "LocalMaskBranch")
    return f"{class_name}({activation})" if is_mask else ""


def _classes(model: keras.Model) -> int | None:
    names = [layer.name for layer in model.layers]
    return model.output_shape[-1] if "predictions" in names else None


def _stored_classes(weights: StrPath) -> int | None:
    """Return the number of classes of a file's classifier, `None` if unknown."""
    try:
        if not zipfile.is_zipfile(weights):
            return _dense_units(weights)
        with zipfile.ZipFile(weights) as archive:
            return _dense_units(io.BytesIO(archive.read("model.weights.h5")))
    except (KeyError, OSError, zipfile.BadZipFile):
        return None  # Loading the file raises the error.


def _dense_units(file: StrPath | io.BytesIO) -> int:
    # Keras stores weights by the class of their layer, numbered in order: dense,
    # dense_1, ... The classifier is the last of them.
    with h5py.File(file, "r") as weights:
        layers = weights["layers"]
        dense = [name for name in layers if re.fullmatch(r"dense(_\d+)?", name)]
        last = f"dense_{len(dense) - 1}" if len(dense) > 1 else "dense"
        return layers[f"{last}/vars/0"].shape[-1]
