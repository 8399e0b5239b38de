"""Convert Caffe models of the paper's authors to Keras models."""

import collections
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TypeAlias

import keras
import numpy as np

from keras_resattn import models
from keras_resattn import zoo
from keras_resattn.convert import authors_names
from keras_resattn.convert.caffemodel import Blob
from keras_resattn.convert.caffemodel import blob_shape
from keras_resattn.convert.caffemodel import blob_values
from keras_resattn.convert.caffemodel import is_whole
from keras_resattn.convert.caffemodel import read_layers
from keras_resattn.layers.arguments import choice
from keras_resattn.typing import Activation
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath

# The networks whose layers the authors named.
NETWORKS = {
    "Attention56": models.Attention56,
    "Attention92": models.Attention92,
    "AttentionNeXt56": models.AttentionNeXt56,
    "AttentionNeXt92": models.AttentionNeXt92,
}
# A Keras layer, its kind, the authors' name of it, and its blobs.
Match: TypeAlias = tuple[keras.layers.Layer, str, str, list[Blob]]

BN_STATISTICS = ("inverse-std", "variance")

EPSILON = 1e-5
# A channel that is always zero has a variance of 0. For it, 1 / s**2 - EPSILON is
# not exactly 0, because s is rounded to float32: about 1e-6 of EPSILON.
ROUNDING = 1e-4 * EPSILON


def convert_caffe(
    path: StrPath,
    network: str,
    bn_statistic: str,
    input_shape: Sequence[int | None] | None = None,
    classifier_activation: Activation = "softmax",
) -> keras.Model:
    """Convert a Caffe model of the paper's authors to a Keras model.

    Every blob of the file must belong to a weight of the network, and every
    weight to a blob. The number of classes is that of the file. Preprocess images
    as in the training of the Caffe model. The file does not contain the order of
    colours, mean and scale.

    Example:

    >>> model = keras_resattn.convert.convert_caffe(
    ...     "Attention-92.caffemodel", "Attention92", bn_statistic="inverse-std"
    ... )
    >>> model.save("attention92.keras")

    Args:
        path: The path of a `.caffemodel` file.
        network: String, `"Attention56"`, `"Attention92"`, `"AttentionNeXt56"`
            or `"AttentionNeXt92"`, in any spelling.
        bn_statistic: The content of the last blob of every batch normalization:
            `"inverse-std"`, `1 / sqrt(variance + 1e-5)`, as in the authors'
            Caffe, or `"variance"`. An inverse standard deviation cannot exceed
            316.3. A channel that was always zero has 316.2, or a variance of 0.
        input_shape: Optional shape of an image. Height and width must be 64 or
            more, because smaller networks lack layers of the file.
        classifier_activation: The activation of the classifier, or `None` for
            logits.

    Returns:
        A `keras.Model`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If an argument is out of its range, the file is not a Caffe
            model, or it does not fit. The message lists everything that does
            not fit.
    """
    instantiate = NETWORKS[zoo.find_name(network, NETWORKS, "network")]
    choice("bn_statistic", bn_statistic, BN_STATISTICS)
    layers = read_layers(path)
    model = instantiate(
        input_shape=input_shape,
        classifier_activation=classifier_activation,
        classes=_classes(dict(layers)),
    )
    found, problems = _match(model, layers)
    for _, kind, name, blobs in found:
        problems += _problems_of_statistic(kind, name, blobs, bn_statistic)
    if problems:
        raise ValueError(
            f"This file does not fit {instantiate.__name__}: "
            + ";\n".join(problems)
            + f".\nReceived: path={str(path)!r}, network={network!r}"
        )
    for layer, kind, _, blobs in found:
        layer.set_weights(_weights(kind, blobs, bn_statistic))
    return model


def _classes(blobs: Mapping[str, list[Blob]]) -> int:
    """Return the number of classes of the file's classifier."""
    kernel = next(iter(blobs.get("classifier", [])), None)
    if kernel is None or not is_whole(kernel) or len(blob_shape(kernel)) < 2:
        return 1000  # `_match` finds the problem.
    return blob_shape(kernel)[-2]


def _match(
    model: keras.Model, layers: Sequence[tuple[str, list[Blob]]]
) -> tuple[list[Match], list[str]]:
    """Return the layers whose blobs fit, and the problems of the others."""
    found: list[Match] = []
    problems: list[str] = []
    counts = collections.Counter(name for name, _ in layers)
    left = dict(layers)
    for layer, kind, name in authors_names.layers(model):
        blobs = left.pop(name, [])
        if not blobs:
            wrong = [f"{name}: missing"]
        elif counts[name] > 1:
            wrong = [f"{name}: there are {counts[name]} layers with this name"]
        else:
            wrong = _problems_of_shapes(name, blobs, _shapes(layer, kind))
        if not wrong:
            found.append((layer, kind, name, blobs))
        problems += wrong
    problems += [f"{name}: left over, the network has no such layer" for name in left]
    return found, problems


def _shapes(layer: keras.layers.Layer, kind: str) -> list[tuple[int, ...]]:
    """Return the shapes that the blobs of a layer must have."""
    if kind == "bn":
        return [tuple(layer.gamma.shape)] * 4
    if kind == "conv":
        return [tuple(layer.kernel.shape[axis] for axis in (3, 2, 0, 1))]
    return [tuple(layer.kernel.shape[::-1]), tuple(layer.bias.shape)]


def _problems_of_shapes(
    name: str, blobs: Sequence[Blob], shapes: Sequence[tuple[int, ...]]
) -> list[str]:
    if len(blobs) != len(shapes):
        return [f"{name}: {len(blobs)} blobs instead of {len(shapes)}"]
    problems = []
    for i, (blob, shape) in enumerate(zip(blobs, shapes, strict=True)):
        # Old versions of Caffe write axes of length 1, new ones do not. The order
        # of the values is the same.
        if _long_axes(blob_shape(blob)) != _long_axes(shape):
            problems.append(
                f"{name}: blob {i} has shape {blob_shape(blob)} instead of {shape}"
            )
        elif not is_whole(blob):
            problems.append(
                f"{name}: the number of values of blob {i} does not fit {shape}"
            )
    return problems


def _long_axes(shape: Sequence[int]) -> list[int]:
    return [length for length in shape if length != 1]


def _problems_of_statistic(
    kind: str, name: str, blobs: Sequence[Blob], bn_statistic: str
) -> list[str]:
    if kind != "bn":
        return []
    variance = _variance(blobs[3], bn_statistic)
    wrong = ~np.isfinite(variance) | (variance < -ROUNDING)
    if not wrong.any():
        return []
    example = blob_values(blobs[3])[wrong][0]
    return [
        f"{name}: {wrong.sum()} of {wrong.size} values, such as {example}, are not "
        f"possible with bn_statistic={bn_statistic!r}. Try the other value"
    ]


def _variance(blob: Blob, bn_statistic: str) -> Array:
    if bn_statistic == "variance":
        return blob_values(blob)
    inverse_std = blob_values(blob).astype("float64")
    inverse_std[inverse_std <= 0] = np.nan
    with np.errstate(over="ignore"):
        return (1 / inverse_std**2 - EPSILON).astype("float32")


def _weights(kind: str, blobs: Sequence[Blob], bn_statistic: str) -> list[Array]:
    """Return the weights of a Keras layer from blobs that fit."""
    if kind == "bn":
        variance = np.maximum(_variance(blobs[3], bn_statistic), 0)
        return [*(blob_values(blob) for blob in blobs[:3]), variance]
    if kind == "conv":
        kernel = blob_values(blobs[0]).reshape(blob_shape(blobs[0]))
        return [kernel.transpose(2, 3, 1, 0)]
    kernel, bias = map(blob_values, blobs)
    return [kernel.reshape(len(bias), -1).T, bias]
