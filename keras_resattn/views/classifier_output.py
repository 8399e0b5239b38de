"""What a classifier returns: probabilities, logits or other values."""

from collections.abc import Callable
from typing import Any
from typing import Literal
from typing import TypeAlias

import keras
import numpy as np

from keras_resattn.typing import Array
from keras_resattn.views.flat import flattened
from keras_resattn.views.graph import Node
from keras_resattn.views.graph import nodes_of
from keras_resattn.views.renamed import unwrap

OutputKind: TypeAlias = Literal["probabilities", "logits", "other"]

# Layers after which probabilities are still probabilities, and logits still logits.
PASSING = (
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Identity,
    keras.layers.Reshape,
)
# Layers that may also be between the logits and the output.
AFTER_LOGITS = (
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.Rescaling,
    keras.layers.Softmax,
)
TRIED_IMAGES = 4
OPEN_SIZE = 64


def output_kind(model: keras.Model) -> OutputKind:
    """Return whether a model returns probabilities, logits or other values.

    If the last layers do not show it, the model computes random images: rows that are
    not negative and whose sum is 1 are probabilities, negative values are logits.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`, with one input
            and one output of shape `(N, classes)`.
    """
    last = unwrap(last_computing(model).operation)
    activation = getattr(last, "activation", None)
    if (
        isinstance(last, keras.layers.Softmax)
        or activation is keras.activations.softmax
    ):
        return "probabilities"
    if activation is keras.activations.linear:
        return "logits"
    return "other" if _is_of_keras(activation) else _kind_of_values(_tried(model))


def last_computing(model: keras.Model) -> Node:
    """Return the node that makes the values which a model returns.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`.

    Returns:
        The last node of the graph of `flattened(model)` that does not only pass values
        on, as the layers of `PASSING` and linear activations do.
    """
    return _back(flattened(model), _passes)


def classifying(model: keras.Model) -> Node:
    """Return the node that computes logits from features, such as a `Dense` layer's.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`.

    Returns:
        The last node of the graph of `flattened(model)` that is more than an
        activation, a normalization or arithmetic with a constant.
    """
    return _back(flattened(model), lambda one: _passes(one) or _is_after_logits(one))


def _back(flat: keras.Model, passes: Callable[[keras.Operation], bool]) -> Node:
    made_by = {id(tensor): node for node in nodes_of(flat) for tensor in node.outputs}
    node = made_by[id(flat.outputs[0])]
    while passes(unwrap(node.operation)) and len(node.input_tensors) == 1:
        node = made_by[id(node.input_tensors[0])]
    return node


def _passes(operation: keras.Operation) -> bool:
    if isinstance(operation, keras.layers.Activation):
        return operation.activation is keras.activations.linear
    return isinstance(operation, PASSING)


def _is_after_logits(operation: keras.Operation) -> bool:
    return isinstance(operation, AFTER_LOGITS) or not isinstance(
        operation, keras.layers.Layer
    )


def _is_of_keras(activation: Any) -> bool:
    """Return whether an activation is one that Keras knows by its name."""
    name = getattr(activation, "__name__", "")
    return activation is not None and getattr(keras.activations, name, 0) is activation


def _tried(model: keras.Model) -> Array:
    """Return what a model computes of random images, `(TRIED_IMAGES, classes)`."""
    sizes = (size or OPEN_SIZE for size in model.input_shape[1:])
    shape = (TRIED_IMAGES, *sizes)
    images = np.random.default_rng(0).normal(size=shape).astype("float32")
    outputs = model(images, training=False)
    return np.asarray(keras.ops.convert_to_numpy(outputs), "float32")


def _kind_of_values(values: Array) -> OutputKind:
    if (values < 0).any():
        return "logits"
    sums = values.sum(axis=-1)
    return "probabilities" if np.allclose(sums, 1, atol=0.01) else "other"
