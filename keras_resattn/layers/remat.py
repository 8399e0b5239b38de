"""Rematerialization: compute maps again for the gradient instead of keeping them."""

import functools
from collections.abc import Callable
from collections.abc import Sequence

import keras
from keras import ops

from keras_resattn.typing import Tensor


def rematerialized(call: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Make a layer's `call` keep only its input in training if `layer.remat`."""

    @functools.wraps(call)
    def decorated(
        layer: keras.layers.Layer, inputs: Tensor, training: bool | None = None
    ) -> Tensor:
        function = functools.partial(call, layer, training=training)
        if not (layer.remat and training):
            return function(inputs)
        return recompute(function, inputs, [layer])

    return decorated


def recompute(
    function: Callable[[Tensor], Tensor],
    inputs: Tensor,
    layers: Sequence[keras.layers.Layer],
) -> Tensor:
    """Return `function(inputs)`, and compute its maps again for the gradient.

    `keras.remat` needs functions without side effects. Batch normalization
    updates its averages, and dropout its seed. Inside `keras.remat` they would be
    updated twice, on JAX not at all. Here variables are arguments and results,
    and are assigned once.

    Args:
        function: A function of a tensor that calls layers.
        inputs: The tensor.
        layers: A list of the layers that it calls.

    Returns:
        The tensor that the function returns.
    """
    variables = [variable for layer in layers for variable in layer.variables]
    states = [variable for variable in variables if not variable.trainable]

    def pure(inputs: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        mapping = zip(variables, values, strict=True)
        with keras.StatelessScope(state_mapping=mapping) as scope:
            outputs = function(inputs)
        moved = [scope.get_current_value(variable) for variable in states]
        return outputs, *map(ops.stop_gradient, moved)

    # PyTorch assigns in place. Without the copy, the second pass would start from
    # the updated states.
    values = [v.value if v.trainable else ops.copy(v.value) for v in variables]
    outputs, *moved = keras.remat(pure)(inputs, *values)
    for variable, value in zip(states, moved, strict=True):
        variable.assign(value)
    return outputs
