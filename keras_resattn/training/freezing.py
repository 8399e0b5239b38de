"""Frozen layers for fine-tuning, and their later release."""

import re
from collections.abc import Callable
from typing import Literal

import keras

from keras_resattn.training.callbacks import Logs
from keras_resattn.training.step_clock import FetchingStep

Part = Literal["body", "stages"]
HEAD = "predictions"


def frozen_layers(network: keras.Model, part: Part) -> list[keras.layers.Layer]:
    """Return the layers of a network to freeze.

    Args:
        network: A network of this package, with its classification head.
        part: `"body"` for all layers but the classification head, `"stages"` for
            all layers up to the last stage.

    Raises:
        ValueError: If the network has no such part.
    """
    names = [layer.name for layer in network.layers]
    end = names.index(HEAD) if HEAD in names else None
    if part == "stages":
        end = _start_of_last_stage(names)
    if end is None:
        missing = "classification head" if part == "body" else "second stage"
        raise ValueError(
            f"`train.freeze={part}` does not work with this network, because it has "
            f"no {missing}; use another value. Received: '{network.name}'"
        )
    return network.layers[:end]


def freeze(network: keras.Model, part: Part) -> None:
    """Freeze layers of a network; their batch normalization is in inference mode.

    Call this after the optimizer was built for all weights.

    Args:
        network: A network of this package.
        part: See `frozen_layers`.

    Raises:
        ValueError: If Keras does not run on TensorFlow, or the network has no such
            part.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            "Frozen layers only work with Keras on TensorFlow; set `train.freeze` to "
            f"none, or the environment variable KERAS_BACKEND=tensorflow. "
            f"Received: KERAS_BACKEND={backend}"
        )
    for layer in frozen_layers(network, part):
        layer.trainable = False


class Unfreeze(keras.callbacks.Callback):
    """Train all layers from an epoch on.

    Args:
        network: The frozen network, a part of the model that is trained.
        after: The number of epochs with frozen layers.
        report: A function that takes a line of text.
    """

    def __init__(
        self,
        network: keras.Model,
        after: int,
        report: Callable[[str], object] = print,
    ) -> None:
        super().__init__()
        self.network = network
        self.after = after
        self.report = report

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if epoch != self.after:
            return
        # `network.trainable = True` would not reach the layers of every network.
        for layer in self.network.layers:
            layer.trainable = True
        fetching = self.model.train_function
        self.model.make_train_function(force=True)
        if isinstance(fetching, FetchingStep):
            step = FetchingStep(self.model.train_function, fetching.clock)
            self.model.train_function = step
        self.report(f"All layers are trained from epoch {epoch + 1} on.")


def _start_of_last_stage(names: list[str]) -> int | None:
    """Return the index of the first layer of the last stage, if there are two."""
    stages = [re.match(r"stage(\d+)_", name) for name in names]
    numbers = [int(found[1]) if found else 0 for found in stages]
    return numbers.index(max(numbers)) if max(numbers) > 1 else None
