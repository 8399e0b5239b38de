"""Every network of the matrix, its limits, and what its tests have in common."""

import functools

import keras
import numpy as np
import pytest

from keras_resattn import ResidualAttentionNetwork
from keras_resattn import Stage
from keras_resattn.compatibility import pytorchcv
from keras_resattn.zoo import NETWORKS as ZOO

# Copied, so that what a fixture adds to the zoo is not part of the matrix.
NETWORKS = {
    **{name: info.network for name, info in ZOO.items()},
    "pytorchcv_attention56": pytorchcv.Attention56,
    "pytorchcv_attention92": pytorchcv.Attention92,
}
SMALLEST = {
    "tiny": 8,
    **{name: 8 if name.startswith("cifar") else 32 for name in NETWORKS},
    "cifar_resnet164": 4,
    "inception_resnet_v1": 75,
    "inception_resnet_v2": 75,
}

# Where outputs are compared: masks have their full depth, and the last map several
# positions. Statistics of a few values magnify rounding errors.
ROOMY = {4: 16, 8: 16, 32: 75, 75: 139}

# No network of the matrix: one attention module, for a sample of what takes the
# matrix's smallest too long.
TINY = functools.partial(
    ResidualAttentionNetwork,
    [Stage(8, strides=1, modules=1), Stage(16, strides=2, modules=0)],
    stem="cifar",
    name="tiny",
)

# keras.applications itself refuses open sizes under a classifier.
APPLICATIONS = ("resnet152", "inception_resnet_v2")

# In `make test`; the others take minutes together and wait for `make test-all`.
FAST = ("cifar_attention56",)


def every(fast=FAST):
    """Return the names as parameters of a test, slow where they are not `fast`."""
    names = [*NETWORKS, "tiny"] if "tiny" in fast else NETWORKS
    return [
        pytest.param(name, marks=() if name in fast else pytest.mark.slow)
        for name in names
    ]


def build(name, size=None, channels=3, **arguments):
    """Return the network for square images of a size, its smallest if `None`."""
    network = TINY if name == "tiny" else NETWORKS[name]
    size = SMALLEST[name] if size is None else size
    size = size if isinstance(size, tuple) else (size, size)
    shape = (*size, channels)
    if keras.config.image_data_format() == "channels_first":
        shape = (channels, *size)
    if arguments.get("include_top", True):
        arguments.setdefault("classes", 3)
    return network(input_shape=shape, **arguments)


def images(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, "float32")


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def normalizations(model):
    # Keras has no public way to the layers inside of layers.
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


def settle(model, batch):
    """Randomize a network's normalizations and fit their statistics to a batch.

    At random initialization the maps grow with the depth, by many powers of
    ten, and the logits say nothing: whatever computes them, the softmax is 0
    or 1. Afterwards the maps, the masks and the logits are of the order of 1.

    The scales are small, so that a branch adds little to its shortcut: in deep
    random networks with scales near 1 a rounding error grows ten thousandfold.
    """
    random = np.random.default_rng(0)
    layers = normalizations(model)
    momentum = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
        if layer.scale:
            layer.gamma.assign(random.uniform(0.1, 0.3, layer.gamma.shape))
        if layer.center:
            layer.beta.assign(random.uniform(-0.3, 0.3, layer.beta.shape))
    model(batch, training=True)
    for layer, value in zip(layers, momentum, strict=True):
        layer.momentum = value
