"""Keras callbacks of every run: stop at NaN, save the model and its metrics."""

import csv
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import TypeAlias

import keras
import numpy as np

from keras_resattn.atomic_writing import write_beside
from keras_resattn.training.trainable_flags import Flags
from keras_resattn.training.trainable_flags import set_trainable_flags
from keras_resattn.training.trainable_flags import trainable_flags

# The logs that Keras passes to a callback. A callback may add to them.
Logs: TypeAlias = dict[str, Any] | None


class Timer(keras.callbacks.Callback):
    """Add the seconds of an epoch, with its test, to its logs as `seconds`."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if logs is not None:
            logs["seconds"] = round(time.perf_counter() - self.start, 3)


class StopAtNaN(keras.callbacks.Callback):
    """End a run if its loss or its weights become NaN or infinite.

    The run ends before anything is saved. `keras.callbacks.TerminateOnNaN`, in
    contrast, finishes the epoch and lets other callbacks save the model.

    Raises:
        FloatingPointError: As soon as the loss is NaN or infinite. The message
            has the epoch and the step, both counted from 1. After each epoch the
            validation loss and the weights are checked as well, because a ReLU
            can hide a NaN.
    """

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._check((logs or {})["loss"], f"in step {batch + 1} of epoch {self.epoch}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("val_loss", 0.0)
        self._check(loss, f"in the test after epoch {self.epoch}")
        for weight in self.model.weights:
            if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
                self._check(np.nan, f"in epoch {self.epoch}, in {weight.path}")

    def _check(self, loss: float, where: str) -> None:
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"The loss became NaN or infinite {where}. Earlier epochs are saved. "
                "Try a lower `train.learning_rate`, a longer `train.warmup_epochs`, "
                "or `precision: mixed_bfloat16` instead of mixed_float16. "
                f"Received: loss={float(loss)}"
            )


class MetricsFile(keras.callbacks.CSVLogger):
    """Write the logs of each epoch as a line of a CSV file.

    The column `epoch` counts from 1, as the progress bar does.

    Args:
        path: The file.
        append: Whether to append to an existing file. It keeps its columns, even
            if the logs now have others.
    """

    def __init__(self, path: Path, append: bool = False) -> None:
        super().__init__(path, append=append)
        self.path = path

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        if not self.append_header:
            with self.path.open(newline="") as file:
                self.keys = next(csv.reader(file))[1:]

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        super().on_epoch_end(epoch + 1, logs)


class SaveModel(keras.callbacks.Callback):
    """Save a network after each epoch, and at the end if another callback changed it.

    The file has only the network, without the optimizer. If the optimizer
    averages the weights, the averages are saved. The old file stays until the
    new one is complete.

    A callback such as `keras.callbacks.EarlyStopping(restore_best_weights=True)`
    changes the weights at the end of the training. If it comes before this
    callback, the file has these weights.

    Args:
        network: The `keras.Model` to save, a part of the model that is trained.
        path: The path of the file, which ends in `.keras`.
        is_wanted: A function without arguments that returns whether to save the
            model of the epoch that ended. Defaults to every epoch.
        flags: The result of `trainable_flags`: which layers are trainable in the saved
            network. Defaults to those that are trainable when it is saved.
    """

    def __init__(
        self,
        network: keras.Model,
        path: Path,
        is_wanted: Callable[[], bool] = lambda: True,
        flags: Flags | None = None,
    ) -> None:
        super().__init__()
        # Another model with the same layers, but without an optimizer.
        self.network = keras.Model(network.input, network.output, name=network.name)
        self.path = path
        self.is_wanted = is_wanted
        self.flags = flags
        self._known: set[bytes] = set()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        variables = self.model.trainable_variables
        values = [keras.ops.copy(variable.value) for variable in variables]
        self._known = {self._digest()}
        self.model.optimizer.finalize_variable_values(variables)
        self._known.add(self._digest())
        if self.is_wanted():
            self._save()
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def on_train_end(self, logs: Logs = None) -> None:
        if self._known and self._digest() not in self._known:
            self._save()

    def _save(self) -> None:
        # Layers that are frozen only for some epochs are saved as trainable.
        now = trainable_flags(self.network)
        set_trainable_flags(self.flags or now)
        write_beside(self.path, self.network.save)
        set_trainable_flags(now)

    def _digest(self) -> bytes:
        digest = hashlib.blake2b()
        for weight in self.network.weights:
            digest.update(keras.ops.convert_to_numpy(weight).tobytes())
        return digest.digest()
