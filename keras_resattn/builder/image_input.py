"""The image input of a network, with the arguments of keras.applications."""

from collections.abc import Sequence

import keras

from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor


def image_input(
    input_tensor: Tensor | None,
    input_shape: Sequence[int | None] | None,
    default_size: int,
    minimum_size: int,
    include_top: bool,
) -> tuple[Tensor, Tensor]:
    """Return the tensor of images and the inputs of a model on it.

    Args:
        input_tensor: `None`, a Keras tensor, or a tensor.
        input_shape: `None` or the shape of an image.
        default_size: Integer, height and width if `input_shape` is `None`.
        minimum_size: Integer, the smallest height and width accepted.
        include_top: Boolean, whether the network has a classifier. Without one,
            it takes images of any size if `input_shape` is `None`.

    Returns:
        A Keras tensor, and the input that it depends on, or a list of them.
    """
    if input_tensor is None:
        shape = image_shape(input_shape, default_size, minimum_size, include_top)
        images = keras.Input(shape=shape)
        return images, images
    images = _as_keras_tensor(input_tensor, input_shape)
    image_shape(tuple(images.shape[1:]), default_size, minimum_size, include_top)
    inputs = keras.utils.get_source_inputs(images)
    return images, inputs[0] if len(inputs) == 1 else inputs


def image_shape(
    input_shape: Sequence[int | None] | None,
    default_size: int,
    minimum_size: int,
    include_top: bool,
) -> Shape:
    """Return the shape of an image, checked.

    Raises:
        ValueError: If it is not a triple, has unknown channels or is too small.
    """
    data_format = keras.config.image_data_format()
    if input_shape is None:
        default = [default_size if include_top else None] * 2
        return (*default, 3) if data_format == "channels_last" else (3, *default)
    if not isinstance(input_shape, (tuple, list)) or len(input_shape) != 3:
        raise ValueError(
            "`input_shape` must be a tuple of three integers. "
            f"Received: input_shape={input_shape}"
        )
    if channel_axis(data_format) == 1:
        channels, *size = input_shape
    else:
        *size, channels = input_shape
    if channels is None:
        raise ValueError(
            "The number of channels in `input_shape` must be known. "
            f"Received: input_shape={input_shape}"
        )
    for n in (*size, channels):
        if n is not None:
            positive_integer("input_shape", n)
    if any(n is not None and n < minimum_size for n in size):
        raise ValueError(
            f"Input size must be at least {minimum_size}x{minimum_size}. "
            f"Received: input_shape={input_shape}"
        )
    return tuple(input_shape)


def _as_keras_tensor(
    input_tensor: Tensor, input_shape: Sequence[int | None] | None
) -> Tensor:
    if not keras.utils.is_keras_tensor(input_tensor):
        return keras.Input(tensor=input_tensor, shape=input_shape)
    if input_shape is not None and tuple(input_tensor.shape[1:]) != tuple(input_shape):
        raise ValueError(
            "`input_shape` and the shape of `input_tensor` differ. Leave out "
            f"`input_shape`. Received: input_shape={input_shape}, "
            f"input_tensor.shape={input_tensor.shape}"
        )
    return input_tensor
