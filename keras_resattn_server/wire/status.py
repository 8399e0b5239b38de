"""Status codes of TensorFlow Serving, and the part of an error that clients may see."""

import re

import tensorflow as tf

HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INTERNAL": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}

_CODE_NAMES = {
    getattr(tf.errors, name): name for name in HTTP_STATUS if hasattr(tf.errors, name)
}

# TensorFlow's Python code wraps the kernel's message in the place of its definition
# (with file names of the exporter or of this server) and in generated names.
_DEFINITION = re.compile(r"\A.*\(most recent call last\):\n", re.DOTALL)
_TRACE_LINES = re.compile(r'^(?:<stack traces unavailable>|  File "|    ).*\n', re.M)
_FUNCTION_NODE = re.compile(r"\A\{\{function_node [^}]*\}\} ?")
# Repetitions are bounded, because clients can choose parts of a message: otherwise the
# time would grow with its square.
_NODE = re.compile(r"\n?\t? ?\[\[\{\{.{0,500}?\}\}\]\]|\n\t \[\[.{0,500}\]\]")
_CALLED_OP = re.compile(r" \[Op:[^\]]{0,100}\](?: name: .{0,500})?\s*+\Z")
# The client's values in a message: names, base64 text, what a kernel quotes.
_LONG_WORD = re.compile(r"(\S{100})\S+")
_QUOTED = re.compile(r"(value: '.{100}).*(?=')", re.DOTALL)
_MAX_MESSAGE = 2048  # characters
# Of a message, so many characters at its beginning and at its end are looked at.
_MAX_END = 8192
_ASSERTION = re.compile(r"\Aassertion failed: \[(.*)\]\s*\Z", re.DOTALL)
_OF_AN_IMAGE = re.compile(
    r"Element \d+ of image_bytes |Invalid (?:PNG|JPEG|GIF|BMP|WebP) data"
)
_DIRECTORIES = re.compile(r"(?<![\w}.])/(?:[^/\s:'\"]+/)+")


class ServingError(Exception):
    """An error whose message is meant for the client.

    Args:
        message: The text that the client reads. Long values in it are shortened.
        code: Name of the gRPC status code, a key of `HTTP_STATUS`.
        http_status: The HTTP status. Defaults to the one of `code`.
    """

    def __init__(
        self,
        message: str,
        code: str = "INVALID_ARGUMENT",
        http_status: int | None = None,
    ):
        message = _LONG_WORD.sub(r"\1...", message)
        if len(message) > _MAX_MESSAGE:
            message = message[:_MAX_MESSAGE] + "..."
        super().__init__(message)
        self.message = message
        self.code = code
        self.http_status = http_status or HTTP_STATUS[code]


def from_op_error(error: tf.errors.OpError) -> ServingError:
    """Turn a TensorFlow error into one that a client may see.

    Args:
        error: The error that running a signature raised.

    Returns:
        The kernel's own message under the same status code, without stack traces,
        names of graph nodes and directories of files.
    """
    return _without_internals(
        error.message or "", _CODE_NAMES.get(error.error_code, "UNKNOWN")
    )


def from_undecodable_error(error: UnicodeDecodeError) -> ServingError:
    """Turn a TensorFlow error that quotes the client's bytes into one for the client.

    TensorFlow's Python code decodes the kernel's message as UTF-8 before it raises
    its error. If the message has other bytes, the status code is lost.

    Args:
        error: The error that running a signature raised.

    Returns:
        The kernel's own message, under INVALID_ARGUMENT.
    """
    message = error.object.decode("utf-8", "replace")
    return _without_internals(message, "INVALID_ARGUMENT")


def from_load_error(error: Exception) -> ServingError:
    """Turn an error of loading a model into one that a client may see.

    Args:
        error: Any error.

    Returns:
        Its message without the directories of files, under its own status code if
        it has one, otherwise under FAILED_PRECONDITION.
    """
    if isinstance(error, ServingError):
        return error
    if isinstance(error, tf.errors.OpError):
        return from_op_error(error)
    missing = isinstance(error, FileNotFoundError)
    code = "NOT_FOUND" if missing else "FAILED_PRECONDITION"
    return ServingError(_DIRECTORIES.sub("", str(error) or repr(error)), code)


def _without_internals(message: str, code: str) -> ServingError:
    if len(message) > 2 * _MAX_END:
        message = f"{message[:_MAX_END]}...{message[-_MAX_END:]}"
    for pattern in (
        _DEFINITION,
        _TRACE_LINES,
        _FUNCTION_NODE,
        _CALLED_OP,
        _NODE,
        _DIRECTORIES,
    ):
        message = pattern.sub("", message)
    message = _QUOTED.sub(r"\1...", message)
    if assertion := _ASSERTION.match(message):
        message = assertion[1].replace("] [", " ")
    if _OF_AN_IMAGE.match(message):
        message = f"The image could not be decoded. {message}"
    return ServingError(message, code)
