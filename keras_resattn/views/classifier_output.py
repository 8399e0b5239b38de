"""What a classifier returns: probabilities, logits or other values."""

from collections.abc import Callable
from typing import Literal
from typing import TypeAlias

import keras
import numpy as np

from keras_resattn.views.flat import flattened
from keras_resattn.views.graph import node_in
from keras_resattn.views.graph import producer_of
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
ACTIVATIONS = (keras.layers.Activation, keras.layers.Softmax)
UNKNOWN_SIZE = 64  # pixels, to try a model that takes images of any size
TRIED_IMAGES = 4


def output_kind(model: keras.Model) -> OutputKind:
    """Return whether a model returns probabilities, logits or other values.

    If the last layers do not show it, the model computes random images: rows that are
    not negative and whose sum is 1 are probabilities, negative values are logits.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`, with one input
            and one output of shape `(N, classes)`.
    """
    last = unwrap(last_computing(model))
    activation = getattr(last, "activation", None)
    if (
        isinstance(last, keras.layers.Softmax)
        or activation is keras.activations.softmax
    ):
        return "probabilities"
    if activation is keras.activations.linear:
        return "logits"
    return "other" if activation is not None else _kind_of_values(_tried(model))


def last_computing(model: keras.Model) -> keras.Operation:
    """Return the operation that makes the values which a model returns.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`.

    Returns:
        The last operation in the graph of `flattened(model)`, without those that only
        pass values on: the layers of `PASSING` and linear activations.
    """
    flat = flattened(model)
    return _back(flat, producer_of(flat.outputs[0]), _passes)


def classifying(model: keras.Model) -> keras.Operation:
    """Return the operation that computes logits from features, such as a Dense layer.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`.

    Returns:
        The last operation in the graph of `flattened(model)`, without a softmax and
        other activations that are layers of their own, and what `last_computing`
        leaves out.
    """
    flat = flattened(model)
    return _back(
        flat,
        producer_of(flat.outputs[0]),
        lambda operation: _passes(operation) or isinstance(operation, ACTIVATIONS),
    )


def _back(
    flat: keras.Model,
    operation: keras.Operation,
    passes: Callable[[keras.Operation], bool],
) -> keras.Operation:
    while passes(unwrap(operation)):
        operation = producer_of(node_in(flat, operation).input_tensors[0])
    return operation


def _passes(operation: keras.Operation) -> bool:
    if isinstance(operation, keras.layers.Activation):
        return operation.activation is keras.activations.linear
    return isinstance(operation, PASSING)


def _tried(model: keras.Model) -> np.ndarray:
    """Return what a model computes of random images, `(TRIED_IMAGES, classes)`."""
    shape = [size or UNKNOWN_SIZE for size in model.input_shape[1:]]
    images = np.random.default_rng(0).uniform(0, 255, (TRIED_IMAGES, *shape))
    outputs = model(images.astype("float32"), training=False)
    return np.asarray(keras.ops.convert_to_numpy(outputs), "float32")


def _kind_of_values(values: np.ndarray) -> OutputKind:
    if (values < 0).any():
        return "logits"
    sums = values.sum(axis=-1)
    return "probabilities" if np.allclose(sums, 1, atol=0.01) else "other"
