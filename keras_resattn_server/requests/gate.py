"""The gate that every inference request of both protocols goes through."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Iterable

from keras_resattn_server.models.registry import ServableRegistry
from keras_resattn_server.running.limits import MAX_QUEUED_REQUESTS
from keras_resattn_server.running.limits import Admission
from keras_resattn_server.running.limits import RequestMemory
from keras_resattn_server.running.limits import deadline
from keras_resattn_server.running.metrics import ServerMetrics
from keras_resattn_server.running.metrics import current_api
from keras_resattn_server.wire.status import ServingError

# For the metrics: otherwise clients could create a series per invented name.
_UNKNOWN_MODEL = ""


class Gate:
    """Admit inference requests, end them at their deadline, and count them.

    Args:
        registry: The models.
        metrics: Counts the requests. Defaults to new metrics.
        max_queued_requests: The largest number of requests at a time.
        missing: Returns the names of the configured models that are not served.
        memory: The memory of the requests. Defaults to one with the default limit.
    """

    def __init__(
        self,
        registry: ServableRegistry,
        metrics: ServerMetrics | None = None,
        max_queued_requests: int = MAX_QUEUED_REQUESTS,
        missing: Callable[[], Iterable[str]] = tuple,
        memory: RequestMemory | None = None,
    ):
        self.metrics = metrics or ServerMetrics()
        self.missing = missing
        self.memory = memory or RequestMemory()
        self.is_starting = False
        self.is_draining = False
        self._registry = registry
        self._admission = Admission(max_queued_requests)
        self.metrics.requests_in_flight.set_function(lambda: self._admission.in_flight)

    def why_not_ready(self) -> str:
        """Return why no new requests should be sent here, `""` if they should."""
        if self.is_draining:
            return "The server is shutting down."
        waiting = ", ".join(map(self._describe, self.missing()))
        if waiting:
            return f"The server waits for {waiting}."
        return "The server is starting." if self.is_starting else ""

    def _describe(self, name: str) -> str:
        try:
            versions = self._registry.statuses(name).items()
        except ServingError:
            return f"model {name} (no version is loading)"
        states = ", ".join(f"version {key} is {found.state}" for key, found in versions)
        return f"model {name} ({states})"

    @contextlib.asynccontextmanager
    async def enter(
        self, model_name: str, api: str, entrypoint: str, seconds: float | None
    ) -> AsyncIterator[None]:
        """Admit one request for as long as the context lasts.

        Args:
            model_name: The model's name.
            api: `"Predict"`, `"Classify"`, ..., as the metrics name it.
            entrypoint: `"GRPC"` or `"REST"`.
            seconds: Time until its deadline. None is no deadline.

        Raises:
            QueueFullError: If there are too many requests.
            ServingError: DEADLINE_EXCEEDED, after the deadline.
        """
        started, status = time.perf_counter(), "UNKNOWN"
        current_api.set(api[:1].upper() + api[1:])
        try:
            with self._admission.admit():
                async with deadline(seconds):
                    yield
            status = "OK"
        except ServingError as error:
            status = error.code
            raise
        except asyncio.CancelledError:
            status = "CANCELLED"
            raise
        finally:
            known = model_name in self._registry.available()
            name = model_name if known else _UNKNOWN_MODEL
            self.metrics.record_request(name, api, entrypoint, status, started)
