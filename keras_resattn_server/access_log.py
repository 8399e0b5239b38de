"""The access log: one line of JSON for each request."""

import asyncio
import contextlib
import datetime
import json
import sys
import time
from collections.abc import Awaitable
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import grpc
from starlette.types import ASGIApp
from starlette.types import Message
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send

STANDARD_OUTPUT = "-"
_CLIENT_LEFT = 499


class AccessLog:
    """Writes what was asked and how it was answered, never the key or the body.

    Args:
        stream: Where to write.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    @classmethod
    def open(cls, path: str | Path) -> "AccessLog":
        """Opens a log.

        Args:
            path: A file to append to; `"-"` is the standard output.

        Raises:
            OSError: The file cannot be written.
        """
        if str(path) == STANDARD_OUTPUT:
            return cls(sys.stdout)
        try:
            return cls(Path(path).open("a", encoding="utf-8"))
        except OSError as error:
            raise OSError(
                f"The access log cannot be written there ({error.strerror})."
                f" Received: {path}"
            ) from error

    def write(self, started: float, **fields: object) -> None:
        """Writes one line.

        Args:
            started: When the request began, by `time.perf_counter()`.
            **fields: What to tell of it.
        """
        now = datetime.datetime.now(datetime.UTC)
        fields = {
            "time": now.isoformat(timespec="milliseconds"),
            **fields,
            "milliseconds": round((time.perf_counter() - started) * 1000, 3),
        }
        # A full disk or a reader that is gone shall not fail requests.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(json.dumps(fields) + "\n")
            self._stream.flush()


class AccessLogMiddleware:
    """Logs the requests of an application.

    Model and version are what the application wrote into the request's state under
    `"model"` and `"version"`.

    Args:
        app: Answers the requests.
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


class AccessLogInterceptor(grpc.aio.ServerInterceptor):
    """Logs the calls of a gRPC server.

    Args:
        log: The log.
    """

    def __init__(self, log: AccessLog):
        self._log = log

    async def intercept_service(
        self,
        continuation: Callable[..., Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler

        async def answer(request, context):
            started, response = time.perf_counter(), None
            otherwise = grpc.StatusCode.UNKNOWN
            try:
                response = await handler.unary_unary(request, context)
                otherwise = grpc.StatusCode.OK
                return response
            except asyncio.CancelledError:
                otherwise = grpc.StatusCode.CANCELLED
                raise
            finally:
                path, status = handler_call_details.method, context.code() or otherwise
                self._write(started, path, request, response, status)

        return grpc.unary_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )

    def _write(self, started, path, request, response, status) -> None:
        asked = getattr(request, "model_spec", None)
        answered = getattr(response, "model_spec", None)
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


def _size(message: object) -> int:
    if isinstance(message, bytes):  # of a refused call: nobody read it
        return len(message)
    return message.ByteSize() if message is not None else 0
