"""Weights, input and outputs of an independent evaluation of the authors' networks.

NumPy evaluated the authors' published layer definitions in float64.
"""

import json
import math
from pathlib import Path

import numpy as np

from keras_resattn.convert import authors_names

FOLDER = Path(__file__).parent / "golden"


def load(network):
    """Return weights by name, the input (NHWC) and outputs by blob (NHWC)."""
    with np.load(FOLDER / f"{network}_224.npz") as data:
        meta = json.loads(str(data["meta"]))
        weights = _draw(network, meta["seed"])
        weights.update({key[2:]: data[key] for key in data if key.startswith("w:")})
        blobs = {
            key.split(":", 1)[1]: _channels_last(data[key])
            for key in data
            if key.startswith(("y:", "sub:"))
        }
        return weights, _channels_last(data["x"]), blobs


def assign(model, weights):
    """Assign the authors' weights to a model; return the names of those left over."""
    left = dict(weights)
    for layer, kind, name in authors_names.layers(model):
        if kind == "bn":
            parts = ("gamma", "beta", "mean", "var")
            values = [left.pop(f"{name}/{part}") for part in parts]
        elif kind == "conv":
            values = [left.pop(f"{name}/kernel").transpose(2, 3, 1, 0)]
        else:
            values = [left.pop(f"{name}/kernel").T, left.pop(f"{name}/bias")]
        layer.set_weights(values)
    return sorted(left)


def sample(blob):
    """Return the part of a whole output `(N, H, W, C)` that is stored."""
    if blob.ndim != 4:
        return blob
    step = max(1, blob.shape[1] // 7)
    return blob[:, ::step, ::step, ::16]


def _channels_last(array):
    if array.ndim != 4:
        return array
    return np.squeeze(
        array.transpose(0, 2, 3, 1), (1, 2) if array.shape[2] == 1 else ()
    )


def _draw(network, seed):
    rng = np.random.RandomState(seed)
    weights = {}
    for layer in json.loads((FOLDER / f"{network}.layers.json").read_text()):
        name = layer["name"]
        if layer["type"] == "Convolution":
            size, channels = layer["kernel"], layer["in_channels"] // layer["groups"]
            kernel = rng.randn(layer["filters"], channels, size, size)
            weights[f"{name}/kernel"] = kernel * math.sqrt(2 / (channels * size**2))
        elif layer["type"] == "BN":
            channels = layer["channels"]
            weights[f"{name}/gamma"] = rng.uniform(0.8, 1.2, channels)
            weights[f"{name}/beta"] = rng.randn(channels) * 0.1
            weights[f"{name}/mean"] = rng.randn(channels) * 0.1
            weights[f"{name}/var"] = rng.uniform(0.7, 1.5, channels)
        elif layer["type"] == "InnerProduct":
            units, features = layer["units"], layer["in_features"]
            kernel = rng.randn(units, features) * math.sqrt(1 / features)
            weights[f"{name}/kernel"] = kernel
            weights[f"{name}/bias"] = rng.randn(units) * 0.1
    return {name: weight.astype("float32") for name, weight in weights.items()}
