"""Read request bodies within limits of memory."""

import contextlib
from collections.abc import AsyncIterator

from starlette.requests import Request

from keras_resattn_server.running.admission import QueueFullError
from keras_resattn_server.wire.status import ServingError

# The number of bodies of the largest size that may be in memory at a time.
_LARGEST_BODIES = 16


class BodyTooLargeError(ServingError):
    """A request's body is too large: 413.

    Args:
        limit: The largest size, in bytes.
    """

    def __init__(self, limit: int):
        message = f"The request's body is larger than {limit} bytes."
        super().__init__(message, "RESOURCE_EXHAUSTED")

    @property
    def http_status(self) -> int:
        return 413


class BodyReader:
    """Read bodies up to a size each, and up to sixteen times that size at a time.

    Args:
        max_request_bytes: The size.
    """

    def __init__(self, max_request_bytes: int):
        self.max_request_bytes = max_request_bytes
        self.max_buffered_bytes = max_request_bytes * _LARGEST_BODIES
        self.buffered_bytes = 0

    @contextlib.asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Read a request's body. It counts as in memory until the context ends.

        Args:
            request: The request.

        Yields:
            The body.

        Raises:
            BodyTooLargeError: If it is too large. It is not read at all if the
                request declares its size.
            QueueFullError: If there are too many bodies in memory.
        """
        if int(request.headers.get("content-length", 0)) > self.max_request_bytes:
            raise BodyTooLargeError(self.max_request_bytes)
        body = bytearray()
        try:
            async for chunk in request.stream():
                self.buffered_bytes += len(chunk)
                body += chunk
                self._check(body)
            yield bytes(body)
        finally:
            self.buffered_bytes -= len(body)

    def _check(self, body: bytearray) -> None:
        if len(body) > self.max_request_bytes:
            raise BodyTooLargeError(self.max_request_bytes)
        if self.buffered_bytes > self.max_buffered_bytes:
            raise QueueFullError(
                "The server is full; the requests that it is reading have more than "
                f"{self.max_buffered_bytes} bytes"
            )
