"""The time of training steps, and how much of it is waiting for batches."""

import math
import time

import tensorflow as tf


class StepClock:
    """Time the steps of an epoch, without the testing and saving after them.

    The first step of a training builds its graph: it is left out, unless the
    epoch has no other.

    Attributes:
        steps: The number of steps of this epoch so far.
        waited: For how many seconds of them there was no batch.
        times_waiting: Boolean, whether `waited` is measured at all.

    Args:
        now: A function that returns the time in seconds.
    """

    def __init__(self, now=time.perf_counter):
        self.now = now
        self.times_waiting = False
        self._has_built_graph = False
        self._before = math.nan
        self._restart(0)

    def begin_epoch(self):
        self._before = self.seconds_per_step
        self._restart(0)

    def end_step(self, steps, steps_per_epoch=None):
        """Note that the first `steps` steps of an epoch are done."""
        if self._has_built_graph or steps == steps_per_epoch:
            self.steps, self.last = steps, self.now()
        else:
            self._restart(steps)
        self._has_built_graph = True

    @property
    def seconds_per_step(self):
        """The mean of this epoch; as long as it has none, that of the last."""
        counted = self.steps - self._left_out
        return (self.last - self._begin) / counted if counted else self._before

    @property
    def data_wait(self):
        """The share of the steps' time in which there was no batch, 0 to 1."""
        seconds = self.last - self._begin
        return self.waited / seconds if seconds and self.times_waiting else math.nan

    @property
    def seconds_since(self):
        """The seconds since the last step: of testing and saving, so far."""
        return self.now() - self.last

    def _restart(self, steps):
        self.steps = self._left_out = steps
        self.waited = 0.0
        self._begin = self.last = self.now()


class FetchingStep:
    """A train function that fetches its batch itself, and times that.

    Keras on TensorFlow fetches each batch inside the graph of the step, where
    nothing can time it. Its train function takes a list of batches as well: so
    each is fetched first, by the same iterator, and then handed over. (Other
    backends fetch between the steps, where a callback can time it.)

    Args:
        step: The `train_function` of a `keras.Model` on TensorFlow.
        clock: A `StepClock`.
    """

    def __init__(self, step, clock):
        self.step = step
        self.clock = clock

    def __call__(self, iterator):
        start = self.clock.now()
        batch = next(iterator)
        self.clock.waited += self.clock.now() - start
        return self.step([batch])


def time_fetching(model, clock):
    """Let a model whose `fit` has begun tell a clock how long it waits."""
    leave_fetching(model)  # an interrupted training may have left its clock
    # All workers must take the same step, and some may have no clock.
    workers = isinstance(
        model.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy
    )
    one_step = bool(model.train_function) and model.steps_per_execution == 1
    clock.times_waiting = one_step and not workers
    if clock.times_waiting:
        model.train_function = FetchingStep(model.train_function, clock)


def leave_fetching(model):
    """Let Keras fetch the batches again."""
    if isinstance(model.train_function, FetchingStep):
        model.train_function = model.train_function.step
