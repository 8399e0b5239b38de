"""The one way to a model: every request of both protocols is run here."""

import asyncio
import os
import time
from collections.abc import Callable
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec
from typing import TypeVar

import numpy as np

from keras_resattn_server.models.servable import DEFAULT_SIGNATURE
from keras_resattn_server.models.servable import Servable
from keras_resattn_server.running.batching import BatchScheduler
from keras_resattn_server.running.metrics import ServerMetrics

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Inference:
    """Runs signatures in a pool of threads, so that the event loop stays free.

    Args:
        threads: How many run at a time; None for one for each processor.
        scheduler: Runs what can be batched in batches; None for no batches.
        metrics: Where runs are counted; None for metrics of its own.
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
        self, servable: Servable, signature_name: str, arrays: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
            servable: The model's version.
            signature_name: The signature; `""` is `serving_default`.
            arrays: One array for each input.

        Returns:
            The output arrays, sorted by name.

        Raises:
            ServingError: A tensor does not fit the signature, or running it failed.
        """
        started = time.perf_counter()
        name = signature_name or DEFAULT_SIGNATURE
        try:
            if self._scheduler and servable.is_batch(name, arrays):
                return await self._scheduler.run(servable, name, arrays)
            return await self.call(servable.run, signature_name, arrays)
        finally:
            self._metrics.record_runtime(servable.name, started)

    async def call(
        self,
        function: Callable[_Arguments, _Result],
        *arguments: _Arguments.args,
    ) -> _Result:
        """Calls a function in the pool: reading and writing large tensors takes
        time, too."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, function, *arguments)
