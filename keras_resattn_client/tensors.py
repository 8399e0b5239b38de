"""NumPy arrays <-> TensorFlow's tensor messages, without TensorFlow."""

import numpy as np

from keras_resattn_client.serving_pb2 import TensorProto
from keras_resattn_client.typing import Array

# As tensorflow/core/framework/types.proto numbers them.
DT_FLOAT = 1
DT_STRING = 7


def to_tensor(values: Array | list[bytes]) -> TensorProto:
    """Return a float32 array or a list of byte strings as a message."""
    if isinstance(values, np.ndarray):
        content = values.astype("<f4", copy=False).tobytes()
        tensor = TensorProto(dtype=DT_FLOAT, tensor_content=content)
        shape: tuple[int, ...] = values.shape
    else:
        tensor = TensorProto(dtype=DT_STRING, string_val=values)
        shape = (len(values),)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def to_array(tensor: TensorProto) -> Array:
    """Return a message's float32 array, or its strings as an object array.

    Raises:
        ValueError: If it has another type.
    """
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    if tensor.dtype == DT_STRING:
        texts = np.empty(len(tensor.string_val), object)
        texts[:] = list(tensor.string_val)
        return texts.reshape(shape)
    if tensor.dtype != DT_FLOAT:
        raise ValueError(
            "The client reads only float32 and string tensors. Export the model with "
            f"`keras-resattn export`. Received: a tensor of type {tensor.dtype}"
        )
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, "<f4").reshape(shape).copy()
    return _filled(np.array(tensor.float_val, np.float32), shape)


def _filled(values: Array, shape: list[int]) -> Array:
    """Repeat the last value, which the sender may do only once."""
    count = int(np.prod(shape))
    if len(values) < count:
        last = values[-1:] if len(values) else np.zeros(1, np.float32)
        values = np.concatenate([values, np.repeat(last, count - len(values))])
    return values.reshape(shape)
