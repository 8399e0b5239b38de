"""Rematerialization: maps that are computed again for the gradient, not kept."""

import functools

import keras
from keras import ops


def rematerialized(call):
    """Let a layer's `call` keep its input alone in training, if `layer.remat`."""

    @functools.wraps(call)
    def decorated(layer, inputs, training=None):
        function = functools.partial(call, layer, training=training)
        if not (layer.remat and training):
            return function(inputs)
        return recompute(function, inputs, [layer])

    return decorated


def recompute(function, inputs, layers):
    """Return `function(inputs)`; what is inside is computed again for the gradient.

    `keras.remat` takes functions without side effects. Batch normalization moves
    its averages, and dropout its seed: they would move twice, and on JAX not at
    all. Here variables are arguments and results, and are assigned once.

    Args:
        function: A function of a tensor that calls layers.
        inputs: The tensor.
        layers: A list of the layers that it calls.

    Returns:
        The tensor that the function returns.
    """
    variables = [variable for layer in layers for variable in layer.variables]
    states = [variable for variable in variables if not variable.trainable]

    def pure(inputs, *values):
        mapping = zip(variables, values, strict=True)
        with keras.StatelessScope(state_mapping=mapping) as scope:
            outputs = function(inputs)
        moved = [scope.get_current_value(variable) for variable in states]
        return outputs, *map(ops.stop_gradient, moved)

    # PyTorch assigns in place: states are copied, so that they are again as they were.
    values = [v.value if v.trainable else ops.copy(v.value) for v in variables]
    outputs, *moved = keras.remat(pure)(inputs, *values)
    for variable, value in zip(states, moved, strict=True):
        variable.assign(value)
    return outputs
