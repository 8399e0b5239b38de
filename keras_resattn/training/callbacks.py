"""Keras callbacks of every run: stop at a loss that is no number, save the model
and its metrics."""

import csv
import time

import keras
import numpy as np

from keras_resattn.model_folder import write_beside


class Timer(keras.callbacks.Callback):
    """Add the time of an epoch, with its test, to its logs as `seconds`."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        logs["seconds"] = round(time.perf_counter() - self.start, 3)


class StopAtNaN(keras.callbacks.Callback):
    """End a run whose loss or weights are no numbers, before anything is saved.

    `keras.callbacks.TerminateOnNaN` ends it too, but lets the epoch end and the
    model be saved as it is.

    Raises:
        FloatingPointError: As soon as the loss is NaN or infinite; it names the
            epoch and the step, both counted from 1. After an epoch the loss of
            the test and the weights are checked, too: a ReLU can hide a NaN.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        self._check(logs["loss"], f"in step {batch + 1} of epoch {self.epoch}")

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs.get("val_loss", 0.0), f"in the test after epoch {self.epoch}")
        for weight in self.model.weights:
            if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
                self._check(np.nan, f"in epoch {self.epoch} ({weight.path} is none)")

    def _check(self, loss, where):
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"The loss was no number {where}. What was saved before is as it "
                "was; try a lower `train.learning_rate`, a longer "
                "`train.warmup_epochs`, or `precision: mixed_bfloat16` in place of "
                f"mixed_float16. Received: loss={float(loss)}"
            )


class MetricsFile(keras.callbacks.CSVLogger):
    """Write the logs of each epoch as a line of a CSV file.

    Where a file is gone on with, its columns stay, whatever the logs are now.

    Args:
        path: A `pathlib.Path`, the file.
        append: Boolean, whether to go on with the file that is there.
    """

    def __init__(self, path, append=False):
        super().__init__(path, append=append)
        self.path = path

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if not self.append_header:
            with self.path.open(newline="") as file:
                self.keys = next(csv.reader(file))[1:]


class SaveModel(keras.callbacks.Callback):
    """Save a network after each epoch, beside first and then renamed.

    The file holds the network alone, without the optimizer. Where the optimizer
    averages the weights, the averages are saved.

    Args:
        network: The `keras.Model` to save, a part of the one that is trained.
        path: A `pathlib.Path` that ends in `.keras`.
    """

    def __init__(self, network, path):
        super().__init__()
        # Another model of the same layers, which was never compiled.
        self.network = keras.Model(network.input, network.output, name=network.name)
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        variables = self.model.trainable_variables
        values = [keras.ops.copy(variable.value) for variable in variables]
        self.model.optimizer.finalize_variable_values(variables)
        write_beside(self.path, self.network.save)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
