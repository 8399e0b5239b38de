"""The network as it is exported: its precision, its normalizations folded."""

import keras

from keras_resattn import fold_batch_norm

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def check_precision(precision):
    """Raise a `ValueError` if a precision is unknown."""
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {', '.join(PRECISIONS)}. "
            f"Received: precision={precision!r}"
        )


def prepare(model, precision="float32", fold=False):
    """Return a model that computes in a precision, for inference.

    Args:
        model: A functional `keras.Model` whose last layer is a classifier. It
            is not changed.
        precision: `"float32"` or `"bfloat16"`; in the latter, weights and
            classifier are float32 nonetheless.
        fold: Boolean, whether to fold batch normalizations.

    Returns:
        A `keras.Model`; `model` itself if nothing is to be done.
    """
    if fold:
        model = fold_batch_norm(model)
    policy = PRECISIONS[precision]
    body = [layer for layer in model.layers[1:-1] if layer.weights]
    if all(layer.dtype_policy.name == policy for layer in body):
        return model

    def with_policy(layer):
        if not isinstance(layer, keras.layers.Layer):
            return layer  # an operation of a folded model
        # Half precision is too coarse for probabilities and their logarithms.
        last = layer is model.layers[-1]
        dtype = "float32" if last else policy
        return type(layer).from_config({**layer.get_config(), "dtype": dtype})

    copy = keras.models.clone_model(model, clone_function=with_policy)
    copy.set_weights(model.get_weights())
    return copy
