"""Layers under other names."""

from typing import Any

import keras

from keras_resattn.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_resattn")
class Renamed(keras.layers.Wrapper):
    """A layer under another name, in a graph where its own name is taken.

    It shares the weights of the layer.

    Args:
        layer: A `keras.layers.Layer`.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        *args: The arguments of the layer.
        training: Boolean or `None`, the training mode.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any) -> None:
        # The layer casts its inputs itself.
        super().__init__(layer, **{**kwargs, "autocast": False})
        self.supports_masking = layer.supports_masking

    def call(
        self, inputs: Tensor, *args: Any, training: bool | None = None, **kwargs: Any
    ) -> Tensor:
        # Keras passes `training` on to the layers inside a layer.
        return self.layer(inputs, *args, **kwargs)

    def compute_output_spec(
        self, inputs: Tensor, *args: Any, training: bool | None = None, **kwargs: Any
    ) -> Tensor:
        return self.layer.compute_output_spec(inputs, *args, **kwargs)


def unwrap(operation: keras.Operation) -> keras.Operation:
    """Return the operation that an operation of a flat graph computes."""
    return operation.layer if isinstance(operation, Renamed) else operation
