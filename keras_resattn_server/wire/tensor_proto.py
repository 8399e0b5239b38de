"""Tensors of gRPC messages: `TensorProto` <-> arrays."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from keras_resattn_server.wire.status import ServingError

TensorProto = tensor_pb2.TensorProto

# The field for the values of a type: clients read these, not `tensor_content`.
_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int8": "int_val",
    "int16": "int_val",
    "int32": "int_val",
    "uint8": "int_val",
    "uint16": "int_val",
    "int64": "int64_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "bool": "bool_val",
    "object": "string_val",
}


def array_from_proto(name: str, proto: TensorProto, max_bytes: int) -> np.ndarray:
    """Makes an array of a tensor in a message.

    Args:
        name: The input's name, for the error.
        proto: The tensor.
        max_bytes: Its largest size. A few bytes can stand for any number of equal
            elements, so the message's own size does not bound it.

    Returns:
        The array; bytes in an object array for strings.

    Raises:
        ServingError: The tensor is malformed or too large.
    """
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise ServingError(f"tensor parsing error: {name}")
    try:
        dtype = np.dtype(tf.as_dtype(proto.dtype).as_numpy_dtype)
        if math.prod(shape) * dtype.itemsize > max_bytes:
            raise ServingError(
                f"Input '{name}' is larger than {max_bytes} bytes."
                f" Received: {dtype.name} {shape}",
                "RESOURCE_EXHAUSTED",
            )
        return tf.make_ndarray(proto)
    except (KeyError, TypeError, ValueError) as error:
        raise ServingError(f"tensor parsing error: {name}") from error


def array_to_proto(array: np.ndarray) -> TensorProto:
    """Makes the message of an array.

    Args:
        array: The tensor; bytes in an object array for strings.

    Returns:
        The message, its values in the field of their type where there is one.
    """
    field = _FIELDS.get(array.dtype.name)
    if field is None:
        return tf.make_tensor_proto(array)
    dtype = tf.as_dtype(array.dtype)
    proto = TensorProto(dtype=dtype.as_datatype_enum)
    proto.tensor_shape.CopyFrom(tf.TensorShape(array.shape).as_proto())
    getattr(proto, field).extend(array.ravel().tolist())
    return proto
