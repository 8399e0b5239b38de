"""Which layers of a network are trainable, noted to be restored later."""

from typing import TypeAlias

import keras

from keras_resattn.views.graph import flatten_layers

Flags: TypeAlias = list[tuple[keras.layers.Layer, bool]]


def trainable_flags(network: keras.Model) -> Flags:
    """Return which layers of a network, at any depth, are trainable."""
    layers = flatten_layers(network, include_self=False)
    return [(layer, layer.trainable) for layer in layers]


def set_trainable_flags(flags: Flags) -> None:
    """Make layers trainable or not, as `trainable_flags` noted them."""
    # A layer also sets those inside it, which come after it.
    for layer, trainable in flags:
        layer.trainable = trainable
