"""The best epoch by validation, and the end of a training that does not improve."""

import math
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

import keras

from keras_resattn.training.callbacks import Logs

Score = tuple[float, float]


class Selection(keras.callbacks.Callback):
    """Find the best epoch, and stop after `patience` epochs without a better one.

    The best epoch has the highest `val_accuracy`; of equal ones, the lowest
    `val_loss`; of equal ones, the first.

    Args:
        patience: The number of epochs without a better one after which to stop, or
            `None` to never stop.
        rows: The metrics of the epochs before, if the training is resumed.
    """

    def __init__(
        self, patience: int | None = None, rows: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        super().__init__()
        self.patience = patience
        self.scores = [_score(row) for row in rows]

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.scores.append(_score(logs or {}))
        if self.must_stop:
            self.model.stop_training = True

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch, counted from 1."""
        return 1 + max(range(len(self.scores)), key=self.scores.__getitem__)

    @property
    def last_is_best(self) -> bool:
        return self.best_epoch == len(self.scores)

    @property
    def must_stop(self) -> bool:
        if self.patience is None or not self.scores:
            return False
        return len(self.scores) - self.best_epoch >= self.patience


def _score(row: Mapping[str, Any]) -> Score:
    return _number(row, "val_accuracy"), -_number(row, "val_loss")


def _number(row: Mapping[str, Any], name: str) -> float:
    try:
        number = float(row[name])
    except (KeyError, TypeError, ValueError):  # missing, or "NA"
        number = math.nan
    worst = math.inf if name == "val_loss" else -math.inf
    return worst if math.isnan(number) else number
