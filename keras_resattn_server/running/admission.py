"""The limits on the number of requests and on their time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from collections.abc import Iterator

from keras_resattn_server.wire.status import ServingError

MAX_QUEUED_REQUESTS = 256


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
