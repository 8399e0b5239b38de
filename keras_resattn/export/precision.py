"""The network as it is exported: its precision, its normalizations folded."""

import keras

from keras_resattn import fold_batch_norm
from keras_resattn.export import optimization
from keras_resattn.views.flat import copy_with_weights
from keras_resattn.views.flat import flat_copy
from keras_resattn.views.flat import is_nested

# The policies of Keras: with the second one, the weights stay float32.
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def check_precision(precision: str) -> None:
    """Raise a `ValueError` if a precision is unknown."""
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {', '.join(map(repr, PRECISIONS))}. "
            f"Received: precision={precision!r}"
        )


def check_backend() -> None:
    """Raise a `ValueError` if Keras does not run on TensorFlow."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            "Export only works with Keras on TensorFlow. Set the environment variable "
            "KERAS_BACKEND=tensorflow; models of all backends can be loaded there. "
            f"Received: KERAS_BACKEND={backend}"
        )


def prepare(
    model: keras.Model,
    precision: str = "float32",
    fold: bool = False,
    optimize: bool = False,
) -> keras.Model:
    """Return a model that computes in a precision, for inference.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential` whose last
            layer, its own or that of a network that it calls, is a classifier. It
            is not changed.
        precision: `"float32"`, or `"bfloat16"` for all but the classifier. The
            weights stay float32, unless `optimize` is true.
        fold: Boolean, whether to fold batch normalizations.
        optimize: Boolean, whether to fold them and to rewrite the network for
            TensorFlow's kernels, see `keras_resattn.export.optimization`.

    Returns:
        A functional `keras.Model` that calls no other model; `model` itself if
        nothing changes.
    """
    if isinstance(model, keras.Sequential) or is_nested(model):
        model = flat_copy(model)
    if fold or optimize:
        # A graph taken apart keeps the casts to the precision that it had.
        model = fold_batch_norm(_with_policy(model, "float32"))
    if not optimize:
        return _with_policy(model, PRECISIONS[precision])
    # Weights in the precision itself, because each call would cast them all.
    return optimization.optimize(_with_policy(model, precision))


def _with_policy(model: keras.Model, policy: str) -> keras.Model:
    body = [layer for layer in model.layers[1:-1] if layer.weights]
    if all(layer.dtype_policy.name == policy for layer in body):
        return model

    def copy_layer(layer: keras.Operation) -> keras.Operation:
        if not isinstance(layer, keras.layers.Layer):
            return layer  # an operation of a folded model
        # Half precision is too coarse for probabilities and their logarithms.
        dtype = "float32" if layer is model.layers[-1] else policy
        return type(layer).from_config({**layer.get_config(), "dtype": dtype})

    return copy_with_weights(model, clone_function=copy_layer)
