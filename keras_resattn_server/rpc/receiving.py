"""Receive gRPC messages and send answers, within the limits of memory and time."""

import asyncio
from collections.abc import Callable
from typing import Any
from typing import cast

import grpc
from google.protobuf.message import DecodeError

from keras_resattn_server.errors import unread
from keras_resattn_server.grpc_types import Context
from keras_resattn_server.grpc_types import Handler
from keras_resattn_server.grpc_types import Method
from keras_resattn_server.interceptor import UnaryInterceptor
from keras_resattn_server.running.limits import COPIES
from keras_resattn_server.running.limits import MemoryFullError
from keras_resattn_server.running.limits import RequestMemory
from keras_resattn_server.running.limits import deadline
from keras_resattn_server.wire.status import ServingError

_HEALTH = "/grpc.health.v1.Health/"
# Health checks need no key, so they get little of everything.
MAX_HEALTH_BYTES = 4096
LONG_NAME = "The name of the service is too long."
_HEALTH_SECONDS = 2.0
_MAX_WAIT_SECONDS = 5.0
_RETRY = (("grpc-retry-pushback-ms", "1000"),)


class ReceivingInterceptor(UnaryInterceptor):
    """Receive a message only after its memory is reserved, and in limited time.

    gRPC passes a unary method its message when it has been read, and sends the answer
    when the method has returned. So each method is offered as one with streams: here
    their first message is read, and the answer is written. On the wire it is the same.
    The size of a message is not known before, so the largest size is reserved until it
    is read.

    Args:
        memory: The memory of the server's requests.
        max_request_bytes: The largest message.
        seconds: The time for a message to arrive, and for the client to read its
            answer.
        close_connection: Closes the connection of a client by its name, as gRPC has
            no means to end only a call whose answer is not read.
    """

    def __init__(
        self,
        memory: RequestMemory,
        max_request_bytes: int,
        seconds: float,
        close_connection: Callable[[str], None],
    ):
        self._memory = memory
        # Health checks must be answered when the memory is full.
        self._health_memory = RequestMemory(2 * COPIES * max_request_bytes)
        self._max_request_bytes = max_request_bytes
        self._seconds = seconds
        self._close_connection = close_connection

    def wrap(
        self, handler: Handler, method: Method, details: grpc.HandlerCallDetails
    ) -> Handler:
        parse = handler.request_deserializer or bytes
        is_health = details.method.startswith(_HEALTH)
        memory = self._health_memory if is_health else self._memory
        seconds = min(self._seconds, _HEALTH_SECONDS) if is_health else self._seconds

        async def answer(_: object, context: Context) -> Any:
            size, wait = self._max_request_bytes, min(_MAX_WAIT_SECONDS, self._seconds)
            try:
                if parse is unread:
                    return await method(None, context)
                async with memory.wait_for(size, wait) as reservation:
                    message = await _receive(context, seconds)
                    if is_health and len(message) > MAX_HEALTH_BYTES:
                        raise ServingError(LONG_NAME)
                    reservation.resize(len(message))
                    request = _parsed(parse, message)
                    del message
                    await self._send(context, await method(request, context))
            except ServingError as error:
                code = grpc.StatusCode[error.code]
                is_full = isinstance(error, MemoryFullError)
                await context.abort(code, error.message, _RETRY if is_full else ())

        return grpc.stream_stream_rpc_method_handler(
            answer, response_serializer=handler.response_serializer
        )

    async def _send(self, context: Context, response: object) -> None:
        writing = asyncio.create_task(context.write(response))
        # If the call ends first, nobody else takes the error, and asyncio would log it.
        writing.add_done_callback(lambda task: task.cancelled() or task.exception())
        if not (await asyncio.wait({writing}, timeout=self._seconds))[0]:
            self._close_connection(context.peer())
        await writing


async def _receive(context: Context, seconds: float) -> bytes:
    # The iterator of messages would keep the message until the end of the call.
    async with deadline(seconds):
        message = await context.read()
    if message is grpc.aio.EOF:
        raise ServingError("The call has no message.")
    return cast(bytes, message)


def _parsed(parse: Callable[[bytes], Any], message: bytes) -> Any:
    try:
        return parse(message)
    except DecodeError as error:
        text = "The message is not the one of this method."
        raise ServingError(text, "INTERNAL") from error
