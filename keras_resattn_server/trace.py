"""Request ids and trace contexts: taken from the request into log and answer."""

import re
import uuid
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import grpc
from starlette.datastructures import Headers
from starlette.types import ASGIApp
from starlette.types import Message
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send

from keras_resattn_server.grpc_types import Handler
from keras_resattn_server.grpc_types import Method
from keras_resattn_server.interceptor import UnaryInterceptor

REQUEST_ID = "x-request-id"
TRACEPARENT = "traceparent"
# Other values are replaced or left out, because they could spoil logs.
_VALID = {
    REQUEST_ID: re.compile(r"[\x21-\x7e]{1,128}"),
    TRACEPARENT: re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),
}

# The ids of the current request, by the names of their headers.
current_trace: ContextVar[dict[str, str]] = ContextVar("current_trace")


def trace_fields() -> dict[str, str]:
    """Return the ids of the current request as fields of a log."""
    trace = current_trace.get({})
    return {name.removeprefix("x-").replace("-", "_"): trace[name] for name in trace}


def _begin(headers: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    trace = {REQUEST_ID: uuid.uuid4().hex}
    for name, value in headers:
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if name in _VALID and _VALID[name].fullmatch(text):
            trace[name] = text
    current_trace.set(trace)
    return trace


class TraceMiddleware:
    """Add the ids of a request to its answer.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        trace = _begin(Headers(scope=scope).items())
        added = [(name.encode(), value.encode()) for name, value in trace.items()]

        async def traced_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await self.app(scope, receive, traced_send)


class TraceInterceptor(UnaryInterceptor):
    """Add the ids of a call to the initial metadata of its answer."""

    def wrap(
        self, handler: Handler, method: Method, details: grpc.HandlerCallDetails
    ) -> Handler:
        metadata = details.invocation_metadata or ()

        async def answer(request: Any, context: Any) -> Any:
            trace = _begin((name, value) for name, value in metadata)
            await context.send_initial_metadata(tuple(trace.items()))
            return await method(request, context)

        return grpc.unary_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )
