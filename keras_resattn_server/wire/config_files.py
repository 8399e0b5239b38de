"""TensorFlow Serving's configuration files: text protos that its flags name.

The package `tensorflow-serving-api` leaves these two messages out, so they are
described here, field by field as in TensorFlow Serving's own definitions.
"""

from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from google.protobuf import text_format
from google.protobuf import wrappers_pb2
from google.protobuf.message import Message

_Field = descriptor_pb2.FieldDescriptorProto
_Fields = dict[str, tuple[int, int | str]]  # name: (number, type)

_INTEGER = ".google.protobuf.Int64Value"
_MESSAGES: dict[str, _Fields] = {
    "BatchingParameters": {
        "max_batch_size": (1, _INTEGER),
        "batch_timeout_micros": (2, _INTEGER),
        "max_enqueued_batches": (3, _INTEGER),
        "num_batch_threads": (4, _INTEGER),
        "thread_pool_name": (5, ".google.protobuf.StringValue"),
        "allowed_batch_sizes": (6, _Field.TYPE_INT64),
        "pad_variable_length_inputs": (7, _Field.TYPE_BOOL),
        "enable_large_batch_splitting": (8, ".google.protobuf.BoolValue"),
        "max_execution_batch_size": (9, _INTEGER),
    },
    "PrometheusConfig": {
        "enable": (1, _Field.TYPE_BOOL),
        "path": (2, _Field.TYPE_STRING),
    },
    "MonitoringConfig": {
        "prometheus_config": (1, ".tensorflow.serving.PrometheusConfig")
    },
}
_REPEATED = {"allowed_batch_sizes"}


def read_text_proto(path: str | Path, name: str) -> Message:
    """Reads a configuration file.

    Example:

    >>> parameters = read_text_proto("batching.config", "BatchingParameters")
    >>> parameters.max_batch_size.value
    32

    Args:
        path: A text proto.
        name: The message in it: `"BatchingParameters"` or `"MonitoringConfig"`.

    Returns:
        The message.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a text proto of that message.
    """
    path = Path(path)
    message = _message_class(name)()
    try:
        return text_format.Parse(path.read_text("utf-8"), message)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"There is no file with {name} there. Received: {path}"
        ) from error
    except (UnicodeDecodeError, text_format.ParseError) as error:
        raise ValueError(
            f"This is not a text proto of TensorFlow Serving's {name}: {error}."
            f" Received: {path}"
        ) from error


def _message_class(name: str) -> type[Message]:
    # A pool of its own: another package may define the same messages.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(
        descriptor_pb2.FileDescriptorProto(
            name="keras_resattn_server/config_files.proto",
            package="tensorflow.serving",
            syntax="proto3",
            dependency=[wrappers_pb2.DESCRIPTOR.name],
            message_type=[
                descriptor_pb2.DescriptorProto(
                    name=message, field=[_field(*item) for item in fields.items()]
                )
                for message, fields in _MESSAGES.items()
            ],
        )
    )
    descriptor = pool.FindMessageTypeByName(f"tensorflow.serving.{name}")
    return message_factory.GetMessageClass(descriptor)


def _field(name: str, definition: tuple[int, int | str]) -> _Field:
    number, kind = definition
    repeated = name in _REPEATED
    field = _Field(
        name=name,
        number=number,
        label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
    )
    if isinstance(kind, str):
        field.type, field.type_name = _Field.TYPE_MESSAGE, kind
    else:
        field.type = kind
    return field
