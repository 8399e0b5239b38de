"""The progress of a training: shown, and added to the logs."""

import atexit
import datetime
import math

import keras
from rich.console import Console
from rich.progress import BarColumn
from rich.progress import MofNCompleteColumn
from rich.progress import Progress as Bars
from rich.progress import TextColumn
from rich.table import Column

from keras_resattn.training.step_clock import StepClock
from keras_resattn.training.step_clock import leave_fetching
from keras_resattn.training.step_clock import time_fetching

REDRAW_SECONDS = 0.2


class Progress(keras.callbacks.Callback):
    """Show how a training goes, and add its speed to the logs.

    On a terminal two bars show the epoch and the whole run: metrics, images/s,
    data wait, learning rate and the time left. At the end of each epoch there
    is a line, and on no terminal only that. A console with `quiet=True` shows
    nothing. Give it before the callbacks that write the logs, such as
    `keras.callbacks.CSVLogger`; each epoch's logs get

    * `learning_rate`: that of the next step;
    * `images_per_second`: in training, without testing and saving;
    * `data_wait`: the share, 0 to 1, of the training steps' time in which the
      next batch was not there yet: what a faster input pipeline could save at
      most. NaN with `steps_per_execution` above 1 and on several workers, where
      nothing can time it.

    The first step of a training is no part of these, since it builds the graph.
    The time left of a run holds testing and saving from the second epoch on,
    when their time is known.

    Example:

    >>> model.fit(batches, epochs=2, callbacks=[Progress(64)], verbose=0)
    epoch 1/2  accuracy 0.7302  loss 0.7411  learning rate 0.05  ...

    Args:
        batch_size: Integer, the number of images a batch.
        console: A `rich.console.Console`, by default standard output.
        clock: A `StepClock`, by default a new one.
    """

    def __init__(self, batch_size, console=None, clock=None):
        super().__init__()
        self.batch_size = batch_size
        self.console = console or Console()
        self.clock = clock or StepClock()
        self.bars = None

    def on_train_begin(self, logs=None):
        self.stop()
        self._seconds_after_steps = 0.0
        self._has_begun = False
        self._drawn = -math.inf
        if keras.backend.backend() == "tensorflow":
            time_fetching(self.model, self.clock)
        self._show_bars()

    def _show_bars(self):
        self.bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[text]}", table_column=Column(overflow="fold")),
            console=self.console,
            transient=True,
            auto_refresh=False,
            disable=not self.console.is_interactive,
        )
        nothing = {"left": "", "text": ""}
        self.epoch_bar = self.bars.add_task("epoch", total=None, **nothing)
        self.run_bar = self.bars.add_task("run", total=self.params["epochs"], **nothing)
        atexit.register(self.stop)  # or an interruption leaves no cursor
        self.bars.start()

    def on_epoch_begin(self, epoch, logs=None):
        if self._has_begun:
            self._seconds_after_steps = self.clock.seconds_since
        self._has_begun = True
        self.title = f"epoch {epoch + 1}/{self.params['epochs']}"
        self.epochs_left = self.params["epochs"] - epoch - 1
        self.steps_per_epoch = self.params["steps"] or self.clock.steps or None
        self.bars.reset(
            self.epoch_bar, description=self.title, total=self.steps_per_epoch
        )
        self.bars.update(self.run_bar, completed=epoch)
        self.clock.begin_epoch()

    def on_train_batch_begin(self, batch, logs=None):
        if keras.backend.backend() != "tensorflow":
            self.clock.times_waiting = True
            self.clock.waited += self.clock.seconds_since

    def on_train_batch_end(self, batch, logs=None):
        self.clock.end_step(batch + 1, self.params["steps"])
        is_shown = not self.bars.disable
        if is_shown and self.clock.last - self._drawn > REDRAW_SECONDS:
            self._drawn = self.clock.last
            self._draw(logs)

    def _draw(self, logs):
        self.bars.update(
            self.epoch_bar,
            completed=self.clock.steps,
            left=_duration(self._seconds_left_of_steps()),
            text=_metrics(logs),
        )
        self.bars.update(
            self.run_bar,
            left=_duration(self._seconds_left()),
            text=_measured(self._measure()),
        )
        self.bars.refresh()

    def on_test_begin(self, logs=None):
        if self.bars:  # not where a model is only tested
            self.bars.update(self.epoch_bar, description=f"{self.title}, testing")
            self.bars.refresh()

    def on_epoch_end(self, epoch, logs=None):
        self.steps_per_epoch = self.clock.steps
        self._seconds_after_steps = self.clock.seconds_since
        left = self.epochs_left * self._seconds_per_epoch()
        measured = self._measure()
        texts = [
            self.title,
            _metrics(logs),
            f"{_duration(left)} left" if self.epochs_left else "",
            _measured(measured),
        ]
        line = "  ".join(text for text in texts if text)
        self.console.print(line, highlight=False, soft_wrap=True)
        if logs is not None:
            logs.update(measured)

    def on_train_end(self, logs=None):
        leave_fetching(self.model)
        self.stop()

    def stop(self):
        """Take the bars away, as where a training is interrupted."""
        atexit.unregister(self.stop)
        if self.bars:
            self.bars.stop()

    def _measure(self):
        seconds = self.clock.seconds_per_step
        return {
            "learning_rate": learning_rate(self.model.optimizer),
            "data_wait": self.clock.data_wait,
            "images_per_second": self.batch_size / seconds if seconds else math.nan,
        }

    def _seconds_left_of_steps(self):
        if self.steps_per_epoch is None:
            return math.nan
        return (self.steps_per_epoch - self.clock.steps) * self.clock.seconds_per_step

    def _seconds_per_epoch(self):
        steps = self.steps_per_epoch or math.nan
        return steps * self.clock.seconds_per_step + self._seconds_after_steps

    def _seconds_left(self):
        epochs = self.epochs_left * self._seconds_per_epoch()
        return self._seconds_left_of_steps() + self._seconds_after_steps + epochs


def learning_rate(optimizer):
    """Return the learning rate of an optimizer's next step."""
    # The one inside a LossScaleOptimizer is the one that steps.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def _metrics(logs):
    names = {"val_loss": "test loss", "val_accuracy": "test accuracy"}
    return "  ".join(f"{names.get(k, k)} {v:.4f}" for k, v in (logs or {}).items())


def _measured(values):
    known = {name: value for name, value in values.items() if not math.isnan(value)}
    texts = {
        "learning_rate": "learning rate {:.3g}",
        "data_wait": "data wait {:.0%}",
        "images_per_second": "{:.0f} images/s",
    }
    return "  ".join(texts[name].format(value) for name, value in known.items())


def _duration(seconds):
    """Return a duration as h:mm:ss."""
    if not math.isfinite(seconds):
        return "?"
    return str(datetime.timedelta(seconds=round(seconds)))
