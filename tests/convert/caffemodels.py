"""Caffe models with random weights, written byte by byte.

The numbers are those of Caffe's caffe.proto, written without our copy of it.
"""

import math
import struct

import numpy as np


def draw(table, seed=0):
    """Draw the weights of a layer table, as `layer_table.run` takes them."""
    rng = np.random.default_rng(seed)
    weights = {}
    for layer in table:
        name = layer["name"]
        if layer["type"] == "Convolution":
            size, channels = layer["kernel"], layer["in_channels"] // layer["groups"]
            shape = (layer["filters"], channels, size, size)
            scale = np.float32(math.sqrt(2 / (channels * size**2)))
            kernel = rng.standard_normal(shape, "float32")
            weights[f"{name}/kernel"] = kernel * scale
        elif layer["type"] == "BN":
            channels = layer["channels"]
            weights[f"{name}/gamma"] = rng.uniform(0.8, 1.2, channels)
            weights[f"{name}/beta"] = rng.normal(0, 0.1, channels)
            weights[f"{name}/mean"] = rng.normal(0, 0.1, channels)
            weights[f"{name}/var"] = rng.uniform(0.7, 1.5, channels)
        elif layer["type"] == "InnerProduct":
            units, features = layer["units"], layer["in_features"]
            kernel = rng.standard_normal((units, features), "float32")
            weights[f"{name}/kernel"] = kernel / np.float32(math.sqrt(features))
            weights[f"{name}/bias"] = rng.normal(0, 0.1, units)
    return {name: weight.astype("float32") for name, weight in weights.items()}


def settle(weights):
    """Return a function for `layer_table.run` that fits statistics to the maps.

    With statistics drawn at random the maps would grow from unit to unit, until
    every mask were 0 or 1.
    """

    def before(layer, x):
        if layer["type"] == "BN":
            mean, var = (f"{layer['name']}/{part}" for part in ("mean", "var"))
            weights[mean] = (weights[mean] * x.std() + x.mean()).astype("float32")
            weights[var] = (weights[var] * x.var()).astype("float32")

    return before


def layers(table, weights, bn_statistic):
    """Return the layers of a Caffe model, a dict: `(type, blobs)` by name."""
    model = {}
    for layer in table:
        name, blobs = layer["name"], []
        if layer["type"] == "BN":
            gamma, beta, mean, var = (
                weights[f"{name}/{part}"] for part in ("gamma", "beta", "mean", "var")
            )
            if bn_statistic == "inverse-std":
                var = (1 / np.sqrt(var.astype("float64") + 1e-5)).astype("float32")
            blobs = [part.reshape(1, -1, 1, 1) for part in (gamma, beta, mean, var)]
        elif layer["type"] == "Convolution":
            blobs = [weights[f"{name}/kernel"]]
        elif layer["type"] == "InnerProduct":
            blobs = [weights[f"{name}/kernel"], weights[f"{name}/bias"]]
        model[name] = (layer["type"], blobs)
    return model


def write(path, layers, old=False):
    """Write a Caffe model, in the format of its first years if `old`.

    Args:
        path: A `pathlib.Path`.
        layers: A dict as the function `layers` returns it. A blob is an array,
            or bytes that are written as they are.
        old: Boolean, whether to write the old format.
    """
    with path.open("wb") as file:
        file.write(_field(1, b"a network"))
        for name, (kind, blobs) in layers.items():
            if old:
                written = b"".join(_field(6, _old_blob(values)) for values in blobs)
                # The type is an enumeration: any number will do.
                layer = _field(4, name.encode()) + _number(5, 4) + written
                file.write(_field(2, layer))
            else:
                written = b"".join(_field(7, blob(values)) for values in blobs)
                layer = _field(1, name.encode()) + _field(2, kind.encode()) + written
                # The phase, which is not ours to read.
                file.write(_field(100, layer + _number(10, 1)))


def blob(values, shape=None):
    """Return the bytes of a blob; the shape is that of `values` if `None`."""
    if isinstance(values, bytes):
        return values
    shape = values.shape if shape is None else shape
    axes = _field(1, b"".join(_varint(length) for length in shape))
    data = 8 if values.dtype == "float64" else 5
    return _field(data, values.tobytes()) + _field(7, axes)


def _old_blob(values):
    shape = (1,) * (4 - values.ndim) + values.shape
    axes = b"".join(_number(i, length) for i, length in enumerate(shape, start=1))
    return axes + _field(5, values.tobytes())


def _field(number, content):
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number, value):
    return _varint(number << 3) + _varint(value)


def _varint(value):
    content = b""
    while value > 127:
        content += struct.pack("B", value & 127 | 128)
        value >>= 7
    return content + struct.pack("B", value)
