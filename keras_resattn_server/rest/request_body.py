"""Read request bodies within limits of size and memory."""

import contextlib
import zlib
from collections.abc import AsyncIterator

from starlette.requests import Request

from keras_resattn_server.running.limits import RequestMemory
from keras_resattn_server.wire.status import ServingError

_COMPRESSED = ("gzip", "x-gzip", "deflate")
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class BodyReader:
    """Read bodies up to a size each, and up to the server's memory in total.

    Args:
        max_request_bytes: The largest size of a body, also after decompression.
        memory: The memory of the server's requests.
    """

    def __init__(self, max_request_bytes: int, memory: RequestMemory):
        self.max_request_bytes = max_request_bytes
        self.memory = memory

    @contextlib.asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Read a request's body. It counts as in memory until the context ends.

        Args:
            request: The request.

        Yields:
            The body, decompressed.

        Raises:
            ServingError: If it is too large (413), there is no memory for it (503), or
                it is compressed in another way (415) or not correctly (400). It is not
                read at all if the request declares a size that is refused.
        """
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        decompress = _Decompressor(encoding) if encoding != "identity" else None
        declared = self._checked(int(request.headers.get("content-length", 0)))
        with self.memory.reserve(declared) as reservation:
            body = bytearray()
            async for chunk in request.stream():
                room = self.max_request_bytes - len(body) + 1
                body += decompress.next(chunk, room) if decompress else chunk
                reservation.resize(max(declared, self._checked(len(body))))
            if decompress:
                decompress.check_end()
            yield bytes(body)

    def _checked(self, size: int) -> int:
        if size > self.max_request_bytes:
            raise ServingError(
                f"The request's body is larger than {self.max_request_bytes} bytes, "
                "the limit of --max-request-bytes. Send fewer or smaller images per "
                "request, or start the server with a larger limit.",
                "RESOURCE_EXHAUSTED",
                413,
            )
        return size


class _Decompressor:
    def __init__(self, encoding: str):
        if encoding not in _COMPRESSED:
            raise ServingError(
                "A body can be compressed with gzip or deflate, or not at all. "
                f"Received: Content-Encoding: {encoding[:100]}",
                "UNIMPLEMENTED",
                415,
            )
        self.encoding = encoding
        self.stream = zlib.decompressobj(_GZIP_OR_ZLIB)

    def next(self, chunk: bytes, room: int) -> bytes:
        """Return the next bytes, at most `room`: a few bytes may stand for many."""
        try:
            return self.stream.decompress(chunk, room) if chunk else b""
        except zlib.error as error:
            raise self.error(str(error)) from error

    def check_end(self) -> None:
        if not self.stream.eof or self.stream.unused_data:
            raise self.error("it does not end where the body ends")

    def error(self, reason: str) -> ServingError:
        message = f"The body is not valid {self.encoding} data ({reason})."
        return ServingError(message)
