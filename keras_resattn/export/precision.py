"""The network as it is exported: its precision, its normalizations folded."""

import keras

from keras_resattn import fold_batch_norm
from keras_resattn.export import optimization

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def check_precision(precision):
    """Raise a `ValueError` if a precision is unknown."""
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {', '.join(PRECISIONS)}. "
            f"Received: precision={precision!r}"
        )


def prepare(model, precision="float32", fold=False, optimize=False):
    """Return a model that computes in a precision, for inference.

    Args:
        model: A functional `keras.Model` whose last layer is a classifier. It
            is not changed.
        precision: `"float32"` or `"bfloat16"`; in the latter, weights and
            classifier are float32 nonetheless.
        fold: Boolean, whether to fold batch normalizations.
        optimize: Boolean, whether to fold them and to rewrite the network for
            TensorFlow's kernels, see `keras_resattn.export.optimization`.

    Returns:
        A `keras.Model`; `model` itself if nothing is to be done.
    """
    if fold or optimize:
        # A graph taken apart keeps the casts to the precision that it had.
        model = fold_batch_norm(_with_policy(model, "float32"))
    model = _with_policy(model, PRECISIONS[precision])
    return optimization.optimize(model) if optimize else model


def _with_policy(model, policy):
    body = [layer for layer in model.layers[1:-1] if layer.weights]
    if all(layer.dtype_policy.name == policy for layer in body):
        return model

    def copy_layer(layer):
        if not isinstance(layer, keras.layers.Layer):
            return layer  # an operation of a folded model
        # Half precision is too coarse for probabilities and their logarithms.
        dtype = "float32" if layer is model.layers[-1] else policy
        return type(layer).from_config({**layer.get_config(), "dtype": dtype})

    copy = keras.models.clone_model(model, clone_function=copy_layer)
    copy.set_weights(model.get_weights())
    return copy
