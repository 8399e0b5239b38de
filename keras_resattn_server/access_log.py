"""The access log: one line of JSON per request."""

import asyncio
import contextlib
import datetime
import json
import sys
import time
from pathlib import Path
from typing import Any
from typing import TextIO

import grpc
from google.protobuf.message import Message as Proto
from starlette.types import ASGIApp
from starlette.types import Message
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send

from keras_resattn_client.typing import StrPath
from keras_resattn_server.grpc_types import Handler
from keras_resattn_server.grpc_types import Method
from keras_resattn_server.interceptor import UnaryInterceptor
from keras_resattn_server.trace import trace_fields

STANDARD_OUTPUT = "-"
_CLIENT_LEFT = 499


class AccessLog:
    """Write each request and its status, without API keys and bodies.

    Args:
        stream: The stream to write to.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    @classmethod
    def open(cls, path: StrPath) -> "AccessLog":
        """Open a log.

        Args:
            path: A file to append to. `"-"` is standard output.

        Raises:
            OSError: If the file cannot be written.
        """
        if str(path) == STANDARD_OUTPUT:
            return cls(sys.stdout)
        try:
            return cls(Path(path).open("a", encoding="utf-8"))
        except OSError as error:
            raise OSError(
                f"The access log cannot be written to this file ({error.strerror}). "
                f"Received: {path}"
            ) from error

    def write(self, started: float, **fields: object) -> None:
        """Write one line.

        Args:
            started: The start of the request, by `time.perf_counter()`.
            **fields: The fields of the line.
        """
        now = datetime.datetime.now(datetime.UTC)
        fields = {
            "time": now.isoformat(timespec="milliseconds"),
            **fields,
            **trace_fields(),
            "milliseconds": round((time.perf_counter() - started) * 1000, 3),
        }
        # A full disk or a closed pipe must not fail requests.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(json.dumps(fields) + "\n")
            self._stream.flush()


class AccessLogMiddleware:
    """Log the requests of an application.

    The application writes model and version into the request's state, under `"model"`
    and `"version"`.

    Args:
        app: The application.
        log: The log.
    """

    def __init__(self, app: ASGIApp, log: AccessLog):
        self.app = app
        self.log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status, sizes = _CLIENT_LEFT, {"request": 0, "response": 0}

        async def counted_receive() -> Message:
            message = await receive()
            sizes["request"] += len(message.get("body", b""))
            return message

        async def counted_send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            sizes["response"] += len(message.get("body", b""))
            await send(message)

        state = scope.setdefault("state", {})
        try:
            await self.app(scope, counted_receive, counted_send)
        finally:
            self.log.write(
                started,
                protocol="REST",
                method=scope["method"],
                path=scope["path"],
                status=status,
                request_bytes=sizes["request"],
                response_bytes=sizes["response"],
                model=state.get("model"),
                version=state.get("version"),
            )


class AccessLogInterceptor(UnaryInterceptor):
    """Log the calls of a gRPC server.

    Args:
        log: The log.
    """

    def __init__(self, log: AccessLog):
        self._log = log

    def wrap(
        self, handler: Handler, method: Method, details: grpc.HandlerCallDetails
    ) -> Handler:

        async def answer(request: Any, context: Any) -> Any:
            started, response = time.perf_counter(), None
            otherwise = grpc.StatusCode.UNKNOWN
            try:
                response = await method(request, context)
                otherwise = grpc.StatusCode.OK
                return response
            except asyncio.CancelledError:
                otherwise = grpc.StatusCode.CANCELLED
                raise
            finally:
                path, status = details.method, context.code() or otherwise
                self._write(started, path, request, response, status)

        return grpc.unary_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )

    def _write(
        self,
        started: float,
        path: str,
        request: object,
        response: object,
        status: grpc.StatusCode,
    ) -> None:
        # Requests and answers of several tasks have the model in each of them.
        asked = getattr(_first(request, "tasks"), "model_spec", None)
        answered = getattr(_first(response, "results"), "model_spec", None)
        self._log.write(
            started,
            protocol="gRPC",
            method=path.rpartition("/")[2],
            path=path,
            status=status.name,
            request_bytes=_size(request),
            response_bytes=_size(response),
            model=asked.name if asked else None,
            version=answered.version.value if answered else None,
        )


def _first(message: object, field: str) -> object:
    return next(iter(getattr(message, field, ())), message)


def _size(message: object) -> int:
    if isinstance(message, Proto):
        return message.ByteSize()
    return len(message) if isinstance(message, bytes) else 0
