"""The tensors of gRPC messages: `TensorProto` <-> arrays."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

from keras_resattn_client.typing import Array
from keras_resattn_server.wire.status import ServingError

# The field with the values of a type. Clients read it, not `tensor_content`.
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

_MAX_RANK = 254  # TensorFlow's own limit


def array_from_proto(name: str, proto: TensorProto, max_bytes: int) -> Array:
    """Return the array of a tensor message.

    Args:
        name: The input's name, for errors.
        proto: The tensor.
        max_bytes: The largest size of the array. A small message can stand for any
            number of equal elements.

    Returns:
        The array. Strings are bytes in an object array.

    Raises:
        ServingError: If the tensor is malformed or too large.
    """
    shape = [dim.size for dim in proto.tensor_shape.dim[: _MAX_RANK + 1]]
    if (
        proto.tensor_shape.unknown_rank
        or len(shape) > _MAX_RANK
        or any(size < 0 for size in shape)
    ):
        raise ServingError(f"tensor parsing error: {name}")
    try:
        dtype = np.dtype(tf.as_dtype(proto.dtype).as_numpy_dtype)
        if math.prod(shape) * dtype.itemsize > max_bytes:
            raise ServingError(
                f"Input '{name}' is larger than {max_bytes} bytes, the limit of "
                f"--max-request-bytes. Received: {dtype.name} {shape}",
                "RESOURCE_EXHAUSTED",
            )
        array: Array = tf.make_ndarray(proto)
        return array
    except (KeyError, TypeError, ValueError) as error:
        raise ServingError(f"tensor parsing error: {name}") from error


def array_to_proto(array: Array) -> TensorProto:
    """Return the message of an array.

    Args:
        array: The tensor. Strings are bytes in an object array.

    Returns:
        The message, with the values in the field of their type if there is one.
    """
    field = _FIELDS.get(array.dtype.name)
    if field is None:
        return tf.make_tensor_proto(array)
    dtype = tf.as_dtype(array.dtype)
    proto = TensorProto(dtype=dtype.as_datatype_enum)
    proto.tensor_shape.CopyFrom(tf.TensorShape(array.shape).as_proto())
    getattr(proto, field).extend(array.ravel().tolist())
    return proto
