"""How many requests the server takes on at a time, and for how long."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from collections.abc import Iterator

from keras_resattn_server.wire.status import ServingError

MAX_QUEUED_REQUESTS = 256


class QueueFullError(ServingError):
    """The server has as many requests as it may have; nothing of this one was done.

    UNAVAILABLE over gRPC, as TensorFlow Serving's full batching queue answers, which
    clients retry; 429 over REST, so that 503 says only that a server is not ready.

    Args:
        message: What the client reads.
    """

    def __init__(self, message: str):
        super().__init__(message, "UNAVAILABLE")

    @property
    def http_status(self) -> int:
        return 429


class Admission:
    """Bounds the number of requests that are accepted and not answered yet.

    It is used from the event loop alone.

    Args:
        max_queued_requests: The bound.

    Raises:
        ValueError: It is not positive.
    """

    def __init__(self, max_queued_requests: int = MAX_QUEUED_REQUESTS):
        if max_queued_requests < 1:
            raise ValueError(
                "The server has to take at least one request at a time."
                f" Received: max_queued_requests={max_queued_requests}"
            )
        self.max_queued_requests = max_queued_requests
        self.in_flight = 0

    @contextlib.contextmanager
    def admit(self) -> Iterator[None]:
        """Counts one request while it is being answered.

        Raises:
            QueueFullError: There are `max_queued_requests` already.
        """
        if self.in_flight >= self.max_queued_requests:
            raise QueueFullError(
                f"The server is full; currently {self.in_flight} requests are being"
                f" answered and max_queued_requests is {self.max_queued_requests}"
            )
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


@contextlib.asynccontextmanager
async def deadline(seconds: float | None) -> AsyncIterator[None]:
    """Ends what runs in it after some time.

    Args:
        seconds: How long it may take; None for any time.

    Raises:
        ServingError: DEADLINE_EXCEEDED.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise ServingError(
            "The request was not answered within its deadline.", "DEADLINE_EXCEEDED"
        ) from error
