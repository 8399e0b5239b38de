"""The progress of a training: shown on the console, and added to the logs."""

import atexit
import datetime
import math
from collections.abc import Mapping

import keras
from rich.console import Console
from rich.progress import BarColumn
from rich.progress import MofNCompleteColumn
from rich.progress import Progress as Bars
from rich.progress import TextColumn
from rich.table import Column

from keras_resattn.training.callbacks import Logs
from keras_resattn.training.step_clock import StepClock
from keras_resattn.training.step_clock import leave_fetching
from keras_resattn.training.step_clock import time_fetching

REDRAW_SECONDS = 0.2
LINE_WIDTH = 80


class Progress(keras.callbacks.Callback):
    """Show the progress of a training, and add its speed to the logs.

    On a terminal, two bars show the epoch and the whole run: metrics, images/s,
    data wait, learning rate and the time left. At the end of each epoch a line is
    printed. Without a terminal, only these lines are printed. A console with
    `quiet=True` shows nothing.

    Put this callback before those that write the logs, such as
    `keras.callbacks.CSVLogger`. It adds to the logs of each epoch:

    * `learning_rate`: the learning rate of the next step.
    * `images_per_second`: the speed of training, without testing and saving.
    * `data_wait`: the share, 0 to 1, of the steps' time in which the next batch was
      not ready. A faster input pipeline can save at most this share. It is NaN
      with `steps_per_execution` above 1 and on several workers, where it cannot be
      measured.

    The first step of a training is left out, because it builds the graph. From
    the second epoch on, the time left includes testing and saving.

    Example:

    >>> model.fit(batches, epochs=2, callbacks=[Progress(64)], verbose=0)
    epoch 1/2  accuracy 0.730/0.712  loss 0.741/0.803  0:03:28 left  330 img/s

    Args:
        batch_size: The number of images per batch.
        console: A `rich.console.Console`. Defaults to standard output.
        clock: A `StepClock`. Defaults to a new one.
    """

    def __init__(
        self,
        batch_size: int,
        console: Console | None = None,
        clock: StepClock | None = None,
    ) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.console = console or Console()
        self.clock = clock or StepClock()
        self.bars = self._new_bars()

    def on_train_begin(self, logs: Logs = None) -> None:
        self.stop()
        self._seconds_after_steps = 0.0
        self._has_begun = False
        self._drawn = -math.inf
        if keras.backend.backend() == "tensorflow":
            time_fetching(self.model, self.clock)
        self.bars = self._new_bars()
        self.epoch_bar = self.bars.add_task("epoch", total=None, left="", text="")
        epochs = self.params["epochs"]
        self.run_bar = self.bars.add_task("run", total=epochs, left="", text="")
        atexit.register(self.stop)  # otherwise an interruption hides the cursor
        self.bars.start()

    def _new_bars(self) -> Bars:
        return Bars(
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

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
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

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if keras.backend.backend() != "tensorflow":
            self.clock.times_waiting = True
            self.clock.waited += self.clock.seconds_since

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.clock.end_step(batch + 1, self.params["steps"])
        is_shown = not self.bars.disable
        if is_shown and self.clock.last - self._drawn > REDRAW_SECONDS:
            self._drawn = self.clock.last
            self._draw(logs)

    def _draw(self, logs: Logs) -> None:
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

    def on_test_begin(self, logs: Logs = None) -> None:
        if self.bars.tasks:  # not if a model is only tested
            self.bars.update(self.epoch_bar, description=f"{self.title}, testing")
            self.bars.refresh()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.steps_per_epoch = self.clock.steps
        self._seconds_after_steps = self.clock.seconds_since
        left = self.epochs_left * self._seconds_per_epoch()
        measured = self._measure()
        line = epoch_line(
            self.title,
            logs or {},
            measured["images_per_second"],
            left if self.epochs_left else None,
        )
        self.console.print(line, highlight=False, soft_wrap=True)
        if logs is not None:
            logs.update(measured)

    def on_train_end(self, logs: Logs = None) -> None:
        leave_fetching(self.model)
        self.stop()

    def stop(self) -> None:
        """Remove the bars, also after an interruption."""
        atexit.unregister(self.stop)
        self.bars.stop()

    def _measure(self) -> dict[str, float]:
        seconds = self.clock.seconds_per_step
        return {
            "learning_rate": learning_rate(self.model.optimizer),
            "data_wait": self.clock.data_wait,
            "images_per_second": self.batch_size / seconds if seconds else math.nan,
        }

    def _seconds_left_of_steps(self) -> float:
        if self.steps_per_epoch is None:
            return math.nan
        return (self.steps_per_epoch - self.clock.steps) * self.clock.seconds_per_step

    def _seconds_per_epoch(self) -> float:
        steps = self.steps_per_epoch or math.nan
        return steps * self.clock.seconds_per_step + self._seconds_after_steps

    def _seconds_left(self) -> float:
        epochs = self.epochs_left * self._seconds_per_epoch()
        return self._seconds_left_of_steps() + self._seconds_after_steps + epochs


def epoch_line(
    title: str,
    logs: Mapping[str, float],
    images_per_second: float,
    seconds_left: float | None,
) -> str:
    """Return the line of an epoch, of at most 80 characters.

    A metric has two numbers: of the training and of the validation images. If the
    line is too long, the speed and then the time left are left out.
    """
    texts = [title]
    for name, value in logs.items():
        if not name.startswith("val_"):
            tested = logs.get(f"val_{name}")
            both = f"{value:.3f}" if tested is None else f"{value:.3f}/{tested:.3f}"
            texts.append(f"{name} {both}")
    optional = []
    if seconds_left is not None:
        optional.append(f"{_duration(seconds_left)} left")
    if math.isfinite(images_per_second):
        optional.append(f"{images_per_second:.0f} img/s")
    while optional and len("  ".join([*texts, *optional])) > LINE_WIDTH:
        optional.pop()
    return "  ".join([*texts, *optional])


def learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Return the learning rate of an optimizer's next step."""
    # A LossScaleOptimizer steps with its inner optimizer.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def _metrics(logs: Logs) -> str:
    names = {"val_loss": "validation loss", "val_accuracy": "validation accuracy"}
    return "  ".join(f"{names.get(k, k)} {v:.4f}" for k, v in (logs or {}).items())


def _measured(values: Mapping[str, float]) -> str:
    known = {name: value for name, value in values.items() if not math.isnan(value)}
    texts = {
        "learning_rate": "learning rate {:.3g}",
        "data_wait": "data wait {:.0%}",
        "images_per_second": "{:.0f} images/s",
    }
    return "  ".join(texts[name].format(value) for name, value in known.items())


def _duration(seconds: float) -> str:
    """Return a duration as h:mm:ss."""
    if not math.isfinite(seconds):
        return "?"
    return str(datetime.timedelta(seconds=round(seconds)))
