"""Keras callbacks: save the model whole, show progress."""

import time

import keras
from rich.console import Console
from rich.progress import BarColumn
from rich.progress import MofNCompleteColumn
from rich.progress import Progress as Bars
from rich.progress import TextColumn
from rich.progress import TimeRemainingColumn

from keras_resattn.model_folder import write_beside


class SaveModel(keras.callbacks.Callback):
    """Save the model after each epoch, beside first and then renamed.

    Args:
        path: A `pathlib.Path` that ends in `.keras`.
    """

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        write_beside(self.path, self.model.save)


class Progress(keras.callbacks.Callback):
    """Show a progress bar while an epoch runs and a line when it ends.

    Args:
        batch_size: Integer, the number of images a batch, for images/s.
        console: A `rich.console.Console`, by default standard output.
    """

    def __init__(self, batch_size, console=None):
        super().__init__()
        self.batch_size = batch_size
        self.console = console or Console()

    def on_train_begin(self, logs=None):
        self.bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[metrics]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self.bars.start()

    def on_epoch_begin(self, epoch, logs=None):
        self.title = f"epoch {epoch + 1}/{self.params['epochs']}"
        self.start = time.perf_counter()
        self.steps = 0
        self.bar = self.bars.add_task(
            self.title, total=self.params["steps"], metrics=""
        )

    def on_train_batch_end(self, batch, logs=None):
        self.steps = batch + 1
        metrics = f"{_metrics(logs)}  {self._images_per_second():.0f} images/s"
        self.bars.update(self.bar, completed=self.steps, metrics=metrics)

    def on_test_begin(self, logs=None):
        self.speed = self._images_per_second()
        self.bars.update(self.bar, description=f"{self.title}, testing")

    def on_epoch_end(self, epoch, logs=None):
        self.bars.remove_task(self.bar)
        self.bars.console.print(
            f"{self.title}  {_metrics(logs)}  {self.speed:.0f} images/s",
            highlight=False,
            soft_wrap=True,
        )

    def on_train_end(self, logs=None):
        self.bars.stop()

    def _images_per_second(self):
        return self.steps * self.batch_size / (time.perf_counter() - self.start)


def _metrics(logs):
    names = {"val_loss": "test loss", "val_accuracy": "test accuracy"}
    return "  ".join(f"{names.get(k, k)} {v:.4f}" for k, v in (logs or {}).items())
