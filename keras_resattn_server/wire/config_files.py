"""TensorFlow Serving's configuration files: text protos that its flags name."""

from pathlib import Path
from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message

from keras_resattn_client.typing import StrPath

_Message = TypeVar("_Message", bound=Message)


def read_text_proto(path: StrPath, message: _Message) -> _Message:
    """Read a configuration file into an empty message.

    Example:

    >>> parameters = read_text_proto("batching.config", BatchingParameters())
    >>> parameters.max_batch_size.value
    32

    Args:
        path: A text proto.
        message: The message to fill in.

    Returns:
        The same message.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not a text proto of that message.
    """
    name = type(message).__name__
    try:
        return text_format.Parse(Path(path).read_text("utf-8"), message)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"The file with {name} does not exist. Received: {path}"
        ) from error
    except (UnicodeDecodeError, text_format.ParseError) as error:
        raise ValueError(
            f"The file is not a text proto of TensorFlow Serving's {name}: {error}. "
            f"Received: {path}"
        ) from error
