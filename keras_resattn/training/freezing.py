"""Frozen layers for fine-tuning, and their later release."""

import re
from collections.abc import Callable
from typing import Literal

import keras

from keras_resattn.training.callbacks import Logs
from keras_resattn.training.step_clock import FetchingStep
from keras_resattn.training.trainable_flags import Flags
from keras_resattn.training.trainable_flags import set_trainable_flags

Part = Literal["body", "stages"]


def frozen_layers(
    network: keras.Model, part: Part, setting: str | None = None
) -> list[keras.layers.Layer]:
    """Return the layers of a network to freeze.

    Args:
        network: A network with a classification head: a `Dense` layer after all others
            with weights.
        part: `"body"` for all layers but the classification head, `"stages"` for
            all layers up to the last stage of a network of this package.
        setting: The setting to name in an error. Defaults to `train.freeze=PART`.

    Raises:
        ValueError: If the network has no such part.
    """
    names = [layer.name for layer in network.layers]
    end = _head(network) if part == "body" else _start_of_last_stage(names)
    if end is None:
        missing = (
            "no classification head, a Dense layer after all others with weights"
            if part == "body"
            else "no second stage, such as 'stage2_unit1', among its own layers"
        )
        raise ValueError(
            f"`{setting or f'train.freeze={part}'}` does not work with this network, "
            f"because it has {missing}; use another value. Received: '{network.name}'"
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
    """Train the layers that `freeze` froze from an epoch on.

    Args:
        flags: The result of `trainable_flags` before layers were frozen.
        after: The number of epochs with frozen layers.
        report: A function that takes a line of text.
    """

    def __init__(
        self,
        flags: Flags,
        after: int,
        report: Callable[[str], object] = print,
    ) -> None:
        super().__init__()
        self.flags = flags
        self.after = after
        self.report = report

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if epoch != self.after:
            return
        set_trainable_flags(self.flags)
        fetching = self.model.train_function
        self.model.make_train_function(force=True)
        if isinstance(fetching, FetchingStep):
            step = FetchingStep(self.model.train_function, fetching.clock)
            self.model.train_function = step
        which = "All" if all(trained for _, trained in self.flags) else "More"
        self.report(f"{which} layers are trained from epoch {epoch + 1} on.")


def _head(network: keras.Model) -> int | None:
    """Return the index of the classification head, if there is a body before it."""
    with_weights = [i for i, layer in enumerate(network.layers) if layer.weights]
    if len(with_weights) < 2:
        return None
    last = with_weights[-1]
    return last if isinstance(network.layers[last], keras.layers.Dense) else None


def _start_of_last_stage(names: list[str]) -> int | None:
    """Return the index of the first layer of the last stage, if there are two."""
    stages = [re.match(r"stage(\d+)_", name) for name in names]
    numbers = [int(found[1]) if found else 0 for found in stages]
    return numbers.index(max(numbers)) if max(numbers) > 1 else None
