"""The authors' layer tables, executed by NumPy in float64.

It knows nothing of our networks: what they are compared with.
"""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[1] / "models" / "golden"


def read(network):
    """Return the layer table of a network, a list of dicts in its order."""
    return json.loads((FOLDER / f"{network}.layers.json").read_text())


def run(table, weights, x, wanted, before=None):
    """Execute a layer table.

    Args:
        table: A layer table.
        weights: A dict of arrays by `<layer>/kernel`, `bias`, `gamma`, `beta`,
            `mean` or `var`.
        x: A batch of images `(N, C, H, W)` of any size.
        wanted: The names of the blobs to return.
        before: A function that is called with each layer and its first input.

    Returns:
        A dict of arrays by the names of the blobs, `(N, C, H, W)` or `(N, C)`.
    """
    last_use = {name: i for i, layer in enumerate(table) for name in layer["inputs"]}
    blobs = {"data": x.astype("float64")}
    for i, layer in enumerate(table):
        inputs = [blobs[name] for name in layer["inputs"]]
        if before is not None:
            before(layer, inputs[0])
        blobs[layer["output"]] = LAYERS[layer["type"]](layer, weights, *inputs)
        for name in layer["inputs"]:
            if last_use[name] == i and name not in wanted and name != layer["output"]:
                blobs.pop(name, None)
    return {name: blobs[name] for name in wanted}


def _weights(layer, weights, *parts):
    return [weights[f"{layer['name']}/{part}"].astype("float64") for part in parts]


def _convolution(layer, weights, x):
    (kernel,) = _weights(layer, weights, "kernel")
    size, stride, pad, groups = (
        layer[key] for key in ("kernel", "stride", "pad", "groups")
    )
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (2, 3))
    windows = windows[:, :, ::stride, ::stride].transpose(0, 1, 4, 5, 2, 3)
    n, _, _, _, height, width = windows.shape
    columns = windows.reshape(n, groups, -1, height * width)
    return (kernel.reshape(groups, len(kernel) // groups, -1) @ columns).reshape(
        n, len(kernel), height, width
    )


def _normalization(layer, weights, x):
    gamma, beta, mean, var = (
        values[:, None, None]
        for values in _weights(layer, weights, "gamma", "beta", "mean", "var")
    )
    return (x - mean) / np.sqrt(var + 1e-5) * gamma + beta


def _relu(layer, weights, x):
    return np.maximum(x, 0)


def _pooling(layer, weights, x):
    if layer["pool"] == "ave":
        # Its kernel is the whole map, at the size of the table.
        return x.mean((2, 3))
    size, stride = layer["kernel"], layer["stride"]
    height, width = (-(-(n - size) // stride) + 1 for n in x.shape[2:])
    rows = [
        x[:, :, i * stride : i * stride + size].max(2, keepdims=True)
        for i in range(height)
    ]
    x = np.concatenate(rows, 2)
    columns = [
        x[..., j * stride : j * stride + size].max(3, keepdims=True)
        for j in range(width)
    ]
    return np.concatenate(columns, 3)


def _interp(layer, weights, x, reference):
    rows, columns = (
        _interpolation(x.shape[axis], reference.shape[axis]) for axis in (2, 3)
    )
    return rows @ x @ columns.T


def _interpolation(size, new_size):
    """Return the matrix that resizes an axis, its first and last point kept."""
    matrix = np.zeros((new_size, size))
    for row, place in zip(matrix, np.linspace(0, size - 1, new_size), strict=True):
        low = int(place)
        row[low] = 1 - (place - low)
        if place > low:
            row[low + 1] = place - low
    return matrix


def _eltwise(layer, weights, *inputs):
    operation = {"sum": np.add, "prod": np.multiply}[layer["operation"]]
    return operation.reduce(inputs)


def _sigmoid(layer, weights, x):
    return 1 / (1 + np.exp(-x))


def _inner_product(layer, weights, x):
    kernel, bias = _weights(layer, weights, "kernel", "bias")
    return x @ kernel.T + bias


def _softmax(layer, weights, x):
    exponentials = np.exp(x - x.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


LAYERS = {
    "Convolution": _convolution,
    "BN": _normalization,
    "ReLU": _relu,
    "Pooling": _pooling,
    "Interp": _interp,
    "Eltwise": _eltwise,
    "Sigmoid": _sigmoid,
    "InnerProduct": _inner_product,
    "Softmax": _softmax,
}
