"""Status codes of the serving contract, and what of an error a client may see."""

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

# TensorFlow for Python wraps the kernel's message in the place of definition
# (with the exporter's or this server's file names) and in generated names.
_DEFINITION = re.compile(r"\A.*\(most recent call last\):\n", re.DOTALL)
_TRACE_LINES = re.compile(r'^(?:<stack traces unavailable>|  File "|    ).*\n', re.M)
_FUNCTION_NODE = re.compile(r"\A\{\{function_node [^}]*\}\} ?")
_CALLED_OP = re.compile(r" \[Op:[^\]]*\](?: name: .*)?\s*\Z")
_DIRECTORIES = re.compile(r"(?<![\w}.])/(?:[^/\s:'\"]+/)+")


class ServingError(Exception):
    """An error whose message is meant for the client.

    Args:
        message: What the client reads.
        code: Name of the gRPC status code, a key of `HTTP_STATUS`.
    """

    def __init__(self, message: str, code: str = "INVALID_ARGUMENT"):
        super().__init__(message)
        self.message = message
        self.code = code

    @property
    def http_status(self) -> int:
        return HTTP_STATUS[self.code]


def from_op_error(error: tf.errors.OpError) -> ServingError:
    """Turns a TensorFlow error into one that a client may see.

    Args:
        error: What running a signature raised.

    Returns:
        The kernel's own message under the same status code, without stack traces
        and without the directories of files.
    """
    message = _DEFINITION.sub("", error.message or "")
    message = _TRACE_LINES.sub("", message)
    message = _FUNCTION_NODE.sub("", message)
    message = _CALLED_OP.sub("", message)
    message = _DIRECTORIES.sub("", message)
    return ServingError(message, _CODE_NAMES.get(error.error_code, "UNKNOWN"))


def from_load_error(error: Exception) -> ServingError:
    """Turns what loading a model raised into an error that a client may see.

    Args:
        error: Any error.

    Returns:
        Its message without the directories of files, under its own status code if
        it has one, else FAILED_PRECONDITION.
    """
    if isinstance(error, ServingError):
        return error
    if isinstance(error, tf.errors.OpError):
        return from_op_error(error)
    missing = isinstance(error, FileNotFoundError)
    code = "NOT_FOUND" if missing else "FAILED_PRECONDITION"
    return ServingError(_DIRECTORIES.sub("", str(error) or repr(error)), code)
