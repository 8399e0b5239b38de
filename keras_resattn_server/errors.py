"""Errors as both protocols send them."""

import json
from collections.abc import Mapping

import grpc
from starlette.responses import Response

from keras_resattn_server.grpc_types import Context
from keras_resattn_server.grpc_types import Handler

INTERNAL_ERROR = "Internal error. See the server's log."


def error_body(message: str) -> bytes:
    """Return the body of an error over REST."""
    return json.dumps({"error": message}).encode()


def error_response(
    message: str, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer of an error over REST.

    Args:
        message: The text that the client reads.
        status: The HTTP status. 429 and 503 have a `Retry-After`.
        headers: Further headers.
    """
    retry = {"retry-after": "1"} if status in (429, 503) else {}
    headers = {**retry, **(headers or {})}
    return Response(error_body(message), status, headers, "application/json")


def refusal(code: grpc.StatusCode, message: str) -> Handler:
    """Return a handler that refuses calls without reading their messages.

    Args:
        code: The status.
        message: The text that the client reads.
    """

    async def refuse(request: object, context: Context) -> None:
        await context.abort(code, message)

    return grpc.unary_unary_rpc_method_handler(refuse, request_deserializer=unread)


def unread(message: bytes) -> None:
    """Mark, as the reader of messages, a handler that does not need them."""
