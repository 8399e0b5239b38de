"""The layers after the last map of a network, as in keras.applications."""

import keras

from keras_resattn.layers.arguments import choice
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.typing import Activation
from keras_resattn.typing import Tensor


def check_head(include_top: bool, pooling: str | None, classes: int) -> None:
    """Raise a `ValueError` if an argument of the head is out of its range."""
    choice("pooling", pooling, (None, "avg", "max"))
    if include_top:
        positive_integer("classes", classes)


def pool(x: Tensor, include_top: bool, pooling: str | None) -> Tensor:
    """Return the maps `x`, pooled over all positions if the arguments ask for it."""
    if include_top or pooling == "avg":
        return keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if pooling == "max":
        return keras.layers.GlobalMaxPooling2D(name="max_pool")(x)
    return x


def classify(x: Tensor, classes: int, activation: Activation) -> Tensor:
    """Return the classifier's output for features `x`."""
    # Half precision is not exact enough for probabilities and their logarithms.
    half = keras.config.dtype_policy().compute_dtype in ("float16", "bfloat16")
    return keras.layers.Dense(
        classes,
        activation=activation,
        dtype="float32" if half else None,
        name="predictions",
    )(x)
