"""The time of training steps, and the part of it spent waiting for batches."""

import math
import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf


class StepClock:
    """Measure the time of the steps of an epoch, without testing and saving.

    The first step of a training builds the graph. It is left out, unless it is the
    only step of the epoch.

    Attributes:
        steps: The number of steps of this epoch so far.
        waited: The seconds spent waiting for a batch in these steps.
        times_waiting: Whether `waited` is measured.

    Args:
        now: A function that returns the time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.now = now
        self.times_waiting = False
        self._has_built_graph = False
        self._before = math.nan
        self._restart(0)

    def begin_epoch(self) -> None:
        self._before = self.seconds_per_step
        self._restart(0)

    def end_step(self, steps: int, steps_per_epoch: int | None = None) -> None:
        """Record that the first `steps` steps of an epoch are done."""
        if self._has_built_graph or steps == steps_per_epoch:
            self.steps, self.last = steps, self.now()
        else:
            self._restart(steps)
        self._has_built_graph = True

    @property
    def seconds_per_step(self) -> float:
        """The mean of this epoch, or of the epoch before until this one has a step."""
        counted = self.steps - self._left_out
        return (self.last - self._begin) / counted if counted else self._before

    @property
    def data_wait(self) -> float:
        """The share, 0 to 1, of the steps' time spent waiting for a batch."""
        seconds = self.last - self._begin
        return self.waited / seconds if seconds and self.times_waiting else math.nan

    @property
    def seconds_since(self) -> float:
        """The seconds since the last step, spent on testing and saving."""
        return self.now() - self.last

    def _restart(self, steps: int) -> None:
        self.steps = self._left_out = steps
        self.waited = 0.0
        self._begin = self.last = self.now()


class FetchingStep:
    """A train function that fetches its batch itself, and measures the time.

    Keras on TensorFlow fetches each batch inside the graph of the step, where the
    time cannot be measured. Its train function also takes a list of batches.
    Therefore this function first fetches the batch from the same iterator, and
    then passes it on. (Other backends fetch between the steps, where a callback
    can measure the time.)

    Args:
        step: The `train_function` of a `keras.Model` on TensorFlow.
        clock: A `StepClock`.
    """

    def __init__(self, step: Callable[[Any], Any], clock: StepClock) -> None:
        self.step = step
        self.clock = clock

    def __call__(self, iterator: Iterator[Any]) -> Any:
        start = self.clock.now()
        batch = next(iterator)
        self.clock.waited += self.clock.now() - start
        return self.step([batch])


def time_fetching(model: keras.Model, clock: StepClock) -> None:
    """Measure with a clock how long a model in `fit` waits for its batches."""
    leave_fetching(model)  # an interrupted training may have left its clock
    # All workers must run the same step, but some may have no clock.
    workers = isinstance(
        model.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy
    )
    one_step = bool(model.train_function) and model.steps_per_execution == 1
    clock.times_waiting = one_step and not workers
    if clock.times_waiting:
        model.train_function = FetchingStep(model.train_function, clock)


def leave_fetching(model: keras.Model) -> None:
    """Let Keras fetch the batches itself again."""
    if isinstance(model.train_function, FetchingStep):
        model.train_function = model.train_function.step
