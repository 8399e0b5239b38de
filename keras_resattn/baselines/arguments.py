"""The arguments of keras.applications, checked for the networks built here."""

import keras

from keras_resattn.network import image_shape


def check_pooling(pooling):
    """Raise a `ValueError` if the argument `pooling` of a network is wrong."""
    if pooling not in (None, "avg", "max"):
        raise ValueError(
            "`pooling` must be None (no pooling), 'avg' or 'max'. "
            f"Received: pooling={pooling!r}"
        )


def image_input(input_tensor, input_shape, default_size, minimum_size, include_top):
    """Return the Keras tensor on which a network begins, its shape checked.

    Raises:
        ValueError: If its shape is out of range or two shapes are given.
    """
    sizes = (default_size, minimum_size, include_top)
    if input_tensor is None:
        return keras.Input(image_shape(input_shape, *sizes))
    if not keras.utils.is_keras_tensor(input_tensor):
        input_tensor = keras.Input(tensor=input_tensor)
    shape = tuple(input_tensor.shape[1:])
    if input_shape is not None and tuple(input_shape) != shape:
        raise ValueError(
            "`input_shape` and the shape of `input_tensor` differ; leave out "
            f"`input_shape`. Received: input_shape={input_shape}, "
            f"input_tensor.shape={input_tensor.shape}"
        )
    image_shape(shape, *sizes)
    return input_tensor
