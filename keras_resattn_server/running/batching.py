"""Dynamic batching: run requests together that wait at the same time.

Rules, parameters and messages are those of TensorFlow Serving's
`--batching_parameters_file`.
"""

import asyncio
import dataclasses
import math
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import Protocol
from typing import TypeAlias

import numpy as np

from keras_resattn_client.typing import Array
from keras_resattn_server.running.batch_arrays import Arrays
from keras_resattn_server.running.batch_arrays import divide
from keras_resattn_server.running.batch_arrays import merge
from keras_resattn_server.running.batch_arrays import row_count
from keras_resattn_server.running.batch_arrays import row_shapes
from keras_resattn_server.running.batch_arrays import split
from keras_resattn_server.running.batching_parameters import BatchingParameters
from keras_resattn_server.running.limits import QueueFullError
from keras_resattn_server.running.metrics import ServerMetrics
from keras_resattn_server.wire.status import ServingError

_Outputs: TypeAlias = Future[dict[str, Array]]


class Runnable(Protocol):
    """A servable, for the scheduler."""

    def run(self, signature_name: str, arrays: Arrays) -> dict[str, Array]: ...


@dataclasses.dataclass(eq=False)
class _Task:
    """A request in the queue, or a part of one."""

    arrays: Arrays
    rows: int
    future: _Outputs = dataclasses.field(default_factory=Future)
    enqueued: float = dataclasses.field(default_factory=time.monotonic)

    def fail(self, error: Exception) -> None:
        # The error's traceback refers to this task and its arrays. A reference back to
        # the error would be a cycle, which only the garbage collector frees.
        future, self.future = self.future, Future()
        future.set_exception(error)


@dataclasses.dataclass(eq=False)
class _Batch:
    tasks: list[_Task] = dataclasses.field(default_factory=list)
    rows: int = 0
    opened: float = dataclasses.field(default_factory=time.monotonic)


class BatchScheduler:
    """Collect requests of the same servable and signature and run them together.

    Example:

    >>> scheduler = BatchScheduler(BatchingParameters(max_batch_size=32))
    >>> outputs = await scheduler.run(servable, "serving_default", arrays)

    Args:
        parameters: The batching parameters.
        metrics: Counts the batches. Defaults to new metrics.
    """

    def __init__(
        self, parameters: BatchingParameters, metrics: ServerMetrics | None = None
    ):
        self.parameters = parameters
        self.metrics = metrics or ServerMetrics()
        # The waiting batches per servable and signature. None is empty, and the last
        # one may still grow.
        self._queues: dict[tuple[Runnable, str], deque[_Batch]] = {}
        self._condition = threading.Condition()
        self._closed = False
        name = parameters.thread_pool_name
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}_{index}", daemon=True)
            for index in range(parameters.num_batch_threads)
        ]
        for thread in self._threads:
            thread.start()

    async def run(
        self, servable: Runnable, signature_name: str, arrays: Arrays
    ) -> dict[str, Array]:
        """Run a request in a batch and wait for its part of the outputs.

        A request that is cancelled while it waits, as by a deadline, leaves the queue.

        Args:
            servable: The model's version.
            signature_name: The signature.
            arrays: The input arrays, each `(rows, ...)`.

        Returns:
            The output arrays, each `(rows, ...)`.

        Raises:
            ServingError: If the request is refused, or running it fails.
        """
        futures = self.submit(servable, signature_name, arrays)
        try:
            parts = await asyncio.gather(*map(asyncio.wrap_future, futures))
        except asyncio.CancelledError:
            self._cancel((servable, signature_name), futures)
            raise
        if len(parts) == 1:
            return parts[0]
        names = parts[0].keys()
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def submit(
        self, servable: Runnable, signature_name: str, arrays: Arrays
    ) -> list[_Outputs]:
        """Put a request in the queue.

        Args:
            servable: The model's version.
            signature_name: The signature.
            arrays: The input arrays, each `(rows, ...)`.

        Returns:
            Futures of the outputs: one, or one per part in order.

        Raises:
            ServingError: If the arrays have different numbers of rows, or too many.
            QueueFullError: If the queue is full.
        """
        rows, most = row_count(arrays), self.parameters.max_batch_size
        if rows > most:
            raise ServingError(
                f"Task size {rows} is larger than maximum input batch size {most}"
            )
        self.metrics.input_batch_size.observe(rows)
        key = (servable, signature_name)
        with self._condition:
            if self._closed:
                raise ServingError("The server is shutting down.", "UNAVAILABLE")
            queue = self._queues.get(key, deque())
            parts = self._parts(queue, arrays, rows)
            tasks = [_Task(part, row_count(part)) for part in parts]
            for task in tasks:
                self._append(queue, task)
            self._queues[key] = queue
            self._condition.notify_all()
        return [task.future for task in tasks]

    def close(self, seconds: float | None = None) -> None:
        """Refuse further requests, run those in the queue, and end the threads.

        Args:
            seconds: The longest time to wait per thread. None is no limit.
        """
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        for thread in self._threads:
            thread.join(seconds)

    def _parts(self, queue: deque[_Batch], arrays: Arrays, rows: int) -> list[Arrays]:
        """Split a request into what still fits in the open batch and full batches."""
        limit = self.parameters.max_execution_batch_size
        most = self.parameters.max_enqueued_batches
        divides = self.parameters.enable_large_batch_splitting
        free = limit - queue[-1].rows if queue else 0
        room = free + (most - len(queue)) * limit
        if not (rows <= free or (rows <= room if divides else len(queue) < most)):
            raise QueueFullError(
                "The batch scheduling queue to which this task was submitted is full; "
                f"currently {len(queue)} batches enqueued and max_enqueued_batches is "
                f"{most}"
            )
        return [*divide(arrays, free or limit, limit)] if divides else [arrays]

    def _append(self, queue: deque[_Batch], task: _Task) -> None:
        limit = self.parameters.max_execution_batch_size
        if not queue or queue[-1].rows + task.rows > limit:
            queue.append(_Batch())
        queue[-1].tasks.append(task)
        queue[-1].rows += task.rows

    def _cancel(self, key: tuple[Runnable, str], futures: list[_Outputs]) -> None:
        """Remove cancelled requests from the queue."""
        with self._condition:
            for future in futures:
                future.cancel()
            queue = self._queues.get(key, deque())
            for batch in queue:
                batch.tasks = [t for t in batch.tasks if not t.future.cancelled()]
                batch.rows = sum(task.rows for task in batch.tasks)
            self._replace(key, deque(batch for batch in queue if batch.tasks))

    def _replace(self, key: tuple[Runnable, str], queue: deque[_Batch]) -> None:
        """Move a queue behind the others, or drop it: it would keep the servable."""
        self._queues.pop(key, None)
        if queue:
            self._queues[key] = queue

    def _work(self) -> None:
        while True:
            with self._condition:
                while (found := self._take_batch()) is None:
                    if self._closed and not self._queues:
                        return
                    self._condition.wait(self._seconds_to_wait())
            self._run_batch(*found)
            del found  # otherwise it keeps an unloaded servable until the next batch

    def _take_batch(self) -> tuple[Runnable, str, list[_Task]] | None:
        now = time.monotonic()
        for key, queue in self._queues.items():
            if self._ripe_at(queue) <= now:
                batch = queue.popleft()
                self._replace(key, queue)
                return *key, batch.tasks
        return None

    def _ripe_at(self, queue: deque[_Batch]) -> float:
        full = queue[0].rows >= self.parameters.max_execution_batch_size
        if len(queue) > 1 or full or self._closed:
            return -math.inf
        return queue[0].opened + self.parameters.batch_timeout_micros / 1e6

    def _seconds_to_wait(self) -> float | None:
        if not self._queues:
            return None
        ripe = min(map(self._ripe_at, self._queues.values()))
        return max(0.0, ripe - time.monotonic())

    def _run_batch(
        self, servable: Runnable, signature_name: str, tasks: list[_Task]
    ) -> None:
        groups: dict[object, list[_Task]] = {}
        for task in filter(self._starts, tasks):
            padded = self.parameters.pad_variable_length_inputs
            groups.setdefault(padded or row_shapes(task.arrays), []).append(task)
        for group in groups.values():
            self._run_group(servable, signature_name, group)

    def _starts(self, task: _Task) -> bool:
        """Return whether to run a task: it may be cancelled."""
        if not task.future.set_running_or_notify_cancel():
            return False
        latency = self.metrics.queuing_latency.labels(self.parameters.thread_pool_name)
        latency.observe((time.monotonic() - task.enqueued) * 1e6)
        return True

    def _run_group(
        self, servable: Runnable, signature_name: str, tasks: list[_Task]
    ) -> None:
        try:
            parts = self._run_together(servable, signature_name, tasks)
        except Exception as error:
            if len(tasks) == 1:
                tasks[0].fail(error)
                return
            # One of them is bad. The others must not fail with it.
            for task in tasks:
                self._run_group(servable, signature_name, [task])
            return
        for task, part in zip(tasks, parts, strict=True):
            task.future.set_result(part)

    def _run_together(
        self, servable: Runnable, signature_name: str, tasks: list[_Task]
    ) -> list[dict[str, Array]]:
        sizes = [task.rows for task in tasks]
        rows = self.parameters.padded(sum(sizes))
        padding = rows - sum(sizes)
        arrays = merge([task.arrays for task in tasks], padding)
        self.metrics.processed_batch_size.observe(rows)
        self.metrics.padding_size.labels(rows).observe(padding)
        self.metrics.wrapped_run_count.inc()
        outputs = servable.run(signature_name, arrays)
        if len(tasks) == 1 and not padding:
            return [outputs]
        return split(outputs, sizes, padding)
