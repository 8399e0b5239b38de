"""The axes and shapes of image batches, shared by every layer."""

import keras

from keras_resattn.typing import Shape


def standardize_data_format(data_format: str | None) -> str:
    """Return `data_format`, or Keras' configured one if it is `None`."""
    if data_format is None:
        return keras.config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            "`data_format` must be 'channels_last', 'channels_first' or None "
            f"(Keras' configured one). Received: data_format={data_format!r}"
        )
    return data_format


def channel_axis(data_format: str) -> int:
    """Return the axis of the channels in a batch of images."""
    return -1 if data_format == "channels_last" else 1


def spatial_axes(data_format: str) -> tuple[int, int]:
    """Return the axes of height and width in a batch of images."""
    return (1, 2) if data_format == "channels_last" else (2, 3)


def batch_shape(
    batch: int | None, size: Shape, channels: int | None, data_format: str
) -> Shape:
    """Return the shape of a batch of images of `size` (height, width)."""
    if data_format == "channels_last":
        return (batch, *size, channels)
    return (batch, channels, *size)


def strided_shape(
    input_shape: Shape, filters: int | None, strides: int, data_format: str
) -> Shape:
    """Return a batch's shape after a unit of `filters` and `strides`."""
    lengths = [input_shape[axis] for axis in spatial_axes(data_format)]
    size = tuple(None if n is None else -(-n // strides) for n in lengths)
    return batch_shape(input_shape[0], size, filters, data_format)
