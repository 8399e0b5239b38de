"""Run signatures for the requests of both protocols."""

import asyncio
import os
import time
from collections.abc import Callable
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from typing import TypeVarTuple

from keras_resattn_client.typing import Array
from keras_resattn_server.models.servable import DEFAULT_SIGNATURE
from keras_resattn_server.models.servable import Servable
from keras_resattn_server.running.batching import BatchScheduler
from keras_resattn_server.running.metrics import ServerMetrics
from keras_resattn_server.wire.status import ServingError

# Returns the version that a request asks for.
Find = Callable[[], Servable]

_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")


class Inference:
    """Run signatures in a pool of threads, so that the event loop stays free.

    Args:
        threads: The number of threads. Defaults to one per processor.
        scheduler: Runs requests in batches if they can be batched. None is no
            batching.
        metrics: Counts the runs. Defaults to new metrics.
    """

    def __init__(
        self,
        threads: int | None = None,
        scheduler: BatchScheduler | None = None,
        metrics: ServerMetrics | None = None,
    ):
        self._pool = ThreadPoolExecutor(threads or os.cpu_count(), "inference")
        self._scheduler = scheduler
        self._metrics = metrics or ServerMetrics()

    async def run(
        self, servable: Servable, signature_name: str, arrays: Mapping[str, Array]
    ) -> dict[str, Array]:
        """Run a signature.

        Args:
            servable: The model's version.
            signature_name: The signature. `""` is `serving_default`.
            arrays: One array per input.

        Returns:
            The output arrays, sorted by name.

        Raises:
            ServingError: If a tensor does not fit the signature, or running it fails.
        """
        started = time.perf_counter()
        name = signature_name or DEFAULT_SIGNATURE
        try:
            if self._scheduler and servable.is_batch(name, arrays):
                return await self._scheduler.run(servable, name, arrays)
            return await self.call(servable.run, signature_name, arrays)
        except ServingError as error:
            raise await self._with_element(error, servable, name, arrays) from error
        finally:
            self._metrics.record_runtime(servable.name, started)

    async def _with_element(
        self,
        error: ServingError,
        servable: Servable,
        name: str,
        arrays: Mapping[str, Array],
    ) -> ServingError:
        """Add the number of the first element that fails, if it is one of several.

        Halves of the batch run until one element is left, so that all of them take at
        most as long as the batch.
        """
        texts = [key for key, array in arrays.items() if array.dtype.kind == "O"]
        if (
            error.code != "INVALID_ARGUMENT"
            or "Element " in error.message
            or len(texts) != len(arrays)
            or len(texts) != 1
            or not servable.is_batch(name, arrays)
        ):
            return error
        (key,) = texts
        first, end, found = 0, len(arrays[key]), None
        while end - first > 1:
            middle = (first + end) // 2
            try:
                await self.call(servable.run, name, {key: arrays[key][first:middle]})
                first = middle
            except ServingError as of_half:
                end, found = middle, of_half
        if found is None:
            return error
        return ServingError(f"Element {first} of {key}: {found.message}", found.code)

    async def call(
        self,
        function: Callable[[*_Arguments], _Result],
        *arguments: *_Arguments,
    ) -> _Result:
        """Call a function in the pool, such as one that reads a large tensor."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, function, *arguments)
