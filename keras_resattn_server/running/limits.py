"""The limits on requests, for both protocols: their number, memory and time."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from collections.abc import Iterator

from keras_resattn_server.wire.status import ServingError

MAX_QUEUED_REQUESTS = 256
# Of a URL and its headers, or gRPC metadata.
MAX_HEAD_BYTES = 64 * 1024
MAX_REQUEST_MEMORY = 2 * 1024 * 1024 * 1024
# A request is in memory as it was received, as it was parsed, and as tensors.
COPIES = 3


class QueueFullError(ServingError):
    """The server is full. Nothing was done for the request, so it can be repeated.

    Over gRPC it is UNAVAILABLE, as for TensorFlow Serving's full batching queue. Over
    REST it is 429, because 503 means that a server is not ready.

    Args:
        message: The text that the client reads.
    """

    def __init__(self, message: str):
        super().__init__(message, "UNAVAILABLE", 429)


class Admission:
    """Limit the number of requests that are accepted and not answered yet.

    Use it only on the event loop.

    Args:
        max_queued_requests: The limit.

    Raises:
        ValueError: If it is not positive.
    """

    def __init__(self, max_queued_requests: int = MAX_QUEUED_REQUESTS):
        if max_queued_requests < 1:
            raise ValueError(
                "The server must accept at least one request at a time. "
                f"Received: max_queued_requests={max_queued_requests}"
            )
        self.max_queued_requests = max_queued_requests
        self.in_flight = 0

    @contextlib.contextmanager
    def admit(self) -> Iterator[None]:
        """Count one request for as long as the context lasts.

        Raises:
            QueueFullError: If there are already `max_queued_requests`.
        """
        if self.in_flight >= self.max_queued_requests:
            raise QueueFullError(
                f"The server is full; currently {self.in_flight} requests are being "
                f"answered and max_queued_requests is {self.max_queued_requests}"
            )
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


@contextlib.asynccontextmanager
async def deadline(seconds: float | None) -> AsyncIterator[None]:
    """Cancel the body of the context after some time.

    Args:
        seconds: The time. None is no limit.

    Raises:
        ServingError: DEADLINE_EXCEEDED, after that time.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise ServingError(
            "The request was not answered within its deadline.", "DEADLINE_EXCEEDED"
        ) from error


class MemoryFullError(ServingError):
    """There is no memory for a request. It was not read, so it can be repeated.

    Args:
        limit: The limit in bytes.
    """

    def __init__(self, limit: int):
        message = (
            f"The server is full: its requests take {limit} bytes of memory, the "
            "limit of --max-request-memory. Send the request again later."
        )
        super().__init__(message, "RESOURCE_EXHAUSTED", 503)


class Reservation:
    """The bytes of one request.

    Args:
        memory: The memory that they are part of.
    """

    def __init__(self, memory: "RequestMemory"):
        self._memory = memory
        self.size = 0

    def resize(self, size: int) -> None:
        """Change the number of bytes.

        Args:
            size: The new number.

        Raises:
            MemoryFullError: If they are more than before, and do not fit.
        """
        self._memory.add(size - self.size)
        self.size = size


class RequestMemory:
    """Count the bytes of the requests, so that their copies stay below a limit.

    Use it only on the event loop.

    Args:
        max_memory: The limit of the requests with their copies, in bytes.
    """

    def __init__(self, max_memory: int = MAX_REQUEST_MEMORY):
        self._max_memory = max_memory
        self._max_bytes = max_memory // COPIES
        self.used = 0
        self._waiting: deque[asyncio.Event] = deque()

    @contextlib.contextmanager
    def reserve(self, size: int = 0) -> Iterator[Reservation]:
        """Reserve bytes until the context ends.

        Args:
            size: The number of bytes.

        Raises:
            MemoryFullError: If they do not fit.
        """
        reservation = Reservation(self)
        reservation.resize(size)
        try:
            yield reservation
        finally:
            reservation.resize(0)

    @contextlib.asynccontextmanager
    async def wait_for(self, size: int, seconds: float) -> AsyncIterator[Reservation]:
        """Wait until bytes are free, in the order of the calls, and reserve them.

        Args:
            size: The number of bytes.
            seconds: The longest time to wait.

        Raises:
            MemoryFullError: If they do not become free in that time.
        """
        if self._waiting or self.used + size > self._max_bytes:
            await self._wait(size, seconds)
        with self.reserve(size) as reservation:
            self._wake_next()
            yield reservation

    def add(self, size: int) -> None:
        """Add bytes, or remove them if `size` is negative."""
        if size > 0 and self.used + size > self._max_bytes:
            raise MemoryFullError(self._max_memory)
        self.used += size
        if size < 0:
            self._wake_next()

    async def _wait(self, size: int, seconds: float) -> None:
        event = asyncio.Event()
        self._waiting.append(event)
        try:
            async with deadline(seconds):
                while self._waiting[0] is not event or (
                    self.used + size > self._max_bytes
                ):
                    event.clear()
                    await event.wait()
        except ServingError as error:
            raise MemoryFullError(self._max_memory) from error
        finally:
            self._waiting.remove(event)
            self._wake_next()

    def _wake_next(self) -> None:
        if self._waiting:
            self._waiting[0].set()
