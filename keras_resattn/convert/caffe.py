"""The models of the paper's authors, written by Caffe."""

import collections

import numpy as np

from keras_resattn import models
from keras_resattn import zoo
from keras_resattn.convert import authors_names
from keras_resattn.convert.caffemodel import blob_shape
from keras_resattn.convert.caffemodel import blob_values
from keras_resattn.convert.caffemodel import is_whole
from keras_resattn.convert.caffemodel import read_layers
from keras_resattn.layers.arguments import choice

# The networks whose layers the authors named.
NETWORKS = {
    "Attention56": models.Attention56,
    "Attention92": models.Attention92,
    "AttentionNeXt56": models.AttentionNeXt56,
    "AttentionNeXt92": models.AttentionNeXt92,
}
BN_STATISTICS = ("inverse-std", "variance")

EPSILON = 1e-5
# A channel that is always zero has a variance of 0; 1 / s**2 - EPSILON of a
# float32 s is then as far from it as s is rounded, some 1e-6 of EPSILON.
ROUNDING = 1e-4 * EPSILON


def convert_caffe(
    path,
    network,
    bn_statistic,
    input_shape=None,
    classifier_activation="softmax",
):
    """Make a Keras model of a Caffe model of the paper's authors.

    Every blob of the file must have its place in the network, and every weight
    of the network its blob. The number of classes is that of the file. Images
    are to be given as the Caffe model was trained on them: the file does not
    say their order of colours, mean and scale.

    Example:

    >>> model = keras_resattn.convert.convert_caffe(
    ...     "Attention-92.caffemodel", "Attention92", bn_statistic="inverse-std"
    ... )
    >>> model.save("attention92.keras")

    Args:
        path: The path of a `.caffemodel` file.
        network: String, `"Attention56"`, `"Attention92"`, `"AttentionNeXt56"`
            or `"AttentionNeXt92"`, in any spelling.
        bn_statistic: What the last blob of every batch normalization holds:
            `"inverse-std"`, `1 / sqrt(variance + 1e-5)`, as the authors' Caffe
            keeps it, or `"variance"`. Where it exceeds 316.3 it is no inverse
            standard deviation; a channel that was always zero has 316.2 as
            one, and 0 as a variance.
        input_shape: The shape of an image, as the network takes it, but 64 or
            more in height and width: smaller networks lack layers of the file.
        classifier_activation: The activation of the classifier, or `None` for
            logits.

    Returns:
        A `keras.Model`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If an argument is out of its range, the file is no Caffe
            model, or it does not fit; all that does not fit is listed.
    """
    instantiate = NETWORKS[zoo.find_name(network, NETWORKS, "network")]
    choice("bn_statistic", bn_statistic, BN_STATISTICS)
    layers = read_layers(path)
    model = instantiate(
        input_shape=input_shape,
        classifier_activation=classifier_activation,
        **_classes(dict(layers)),
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


def _classes(blobs):
    """Return the argument `classes` of a network if the file tells it."""
    kernel = next(iter(blobs.get("classifier", [])), None)
    if kernel is None or not is_whole(kernel) or len(blob_shape(kernel)) < 2:
        return {}
    return {"classes": blob_shape(kernel)[-2]}


def _match(model, layers):
    """Return what has its place, `(layer, kind, name, blobs)`, and the problems."""
    found, problems = [], []
    counts = collections.Counter(name for name, _ in layers)
    left = dict(layers)
    for layer, kind, name in authors_names.layers(model):
        blobs = left.pop(name, None)
        if blobs is None:
            wrong = [f"{name}: missing"]
        elif counts[name] > 1:
            wrong = [f"{name}: there are {counts[name]} layers of this name"]
        else:
            wrong = _problems_of_shapes(name, blobs, _shapes(layer, kind))
        if not wrong:
            found.append((layer, kind, name, blobs))
        problems += wrong
    problems += [f"{name}: left over, no layer takes it" for name in left]
    return found, problems


def _shapes(layer, kind):
    """Return the shapes that the blobs of a layer should have."""
    if kind == "bn":
        return [tuple(layer.gamma.shape)] * 4
    if kind == "conv":
        return [tuple(layer.kernel.shape[axis] for axis in (3, 2, 0, 1))]
    return [tuple(layer.kernel.shape[::-1]), tuple(layer.bias.shape)]


def _problems_of_shapes(name, blobs, shapes):
    if len(blobs) != len(shapes):
        return [f"{name}: {len(blobs)} blobs instead of {len(shapes)}"]
    problems = []
    for i, (blob, shape) in enumerate(zip(blobs, shapes, strict=True)):
        # Axes of length 1 are written or not, as Caffe's age has it; without
        # them the values lie in the same order.
        if _long_axes(blob_shape(blob)) != _long_axes(shape):
            problems.append(
                f"{name}: blob {i} has shape {blob_shape(blob)} instead of {shape}"
            )
        elif not is_whole(blob):
            problems.append(f"{name}: blob {i} has fewer or more values than {shape}")
    return problems


def _long_axes(shape):
    return [length for length in shape if length != 1]


def _problems_of_statistic(kind, name, blobs, bn_statistic):
    if kind != "bn":
        return []
    variance = _variance(blobs[3], bn_statistic)
    wrong = ~np.isfinite(variance) | (variance < -ROUNDING)
    if not wrong.any():
        return []
    example = blob_values(blobs[3])[wrong][0]
    return [
        f"{name}: {wrong.sum()} of {wrong.size} values such as {example} give no "
        f"variance, is bn_statistic={bn_statistic!r} right?"
    ]


def _variance(blob, bn_statistic):
    if bn_statistic == "variance":
        return blob_values(blob)
    inverse_std = blob_values(blob).astype("float64")
    inverse_std[inverse_std <= 0] = np.nan
    with np.errstate(over="ignore"):
        return (1 / inverse_std**2 - EPSILON).astype("float32")


def _weights(kind, blobs, bn_statistic):
    """Return the weights of a Keras layer, of blobs that were found to fit."""
    if kind == "bn":
        variance = np.maximum(_variance(blobs[3], bn_statistic), 0)
        return [*(blob_values(blob) for blob in blobs[:3]), variance]
    if kind == "conv":
        kernel = blob_values(blobs[0]).reshape(blob_shape(blobs[0]))
        return [kernel.transpose(2, 3, 1, 0)]
    kernel, bias = map(blob_values, blobs)
    return [kernel.reshape(len(bias), -1).T, bias]
