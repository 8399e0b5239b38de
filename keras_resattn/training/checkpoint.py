"""The complete state of a training, saved so that the training can be resumed."""

from collections.abc import Mapping
from pathlib import Path

import h5py
import keras

from keras_resattn.atomic_writing import write_beside
from keras_resattn.training.callbacks import Logs

EPOCHS = "epochs"


class Checkpoint(keras.callbacks.Callback):
    """Save the state of a model and its optimizer after each epoch.

    The state has weights, momenta, averages, the loss scale and the states of
    random generators. After `restore`, the next epochs are the same, bit by bit,
    as without an interruption. The old file stays until the new one is complete.

    Args:
        path: The path of the file.
        facts: Integers that describe the training, for `read_facts`.
    """

    def __init__(self, path: Path, facts: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.path = path
        self.facts = dict(facts or {})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        facts = self.facts | {EPOCHS: epoch + 1}
        write_beside(self.path, lambda path: save(self.model, path, facts))


def save(model: keras.Model, path: Path, facts: Mapping[str, int]) -> None:
    """Write the state of a compiled model and facts about it to a file."""
    with h5py.File(path, "w") as file:
        file.attrs.update(facts)
        for number, variable in enumerate(_variables(model)):
            value = keras.ops.convert_to_numpy(variable.value)
            file.create_dataset(str(number), data=value).attrs["path"] = variable.path


def restore(model: keras.Model, path: Path) -> None:
    """Load a state into the same network, compiled in the same way.

    Args:
        model: A compiled `keras.Model`.
        path: The path of a file written by `Checkpoint`.

    Raises:
        ValueError: If the file is damaged, or has the state of another network.
    """
    variables = _variables(model)
    try:
        with h5py.File(path, "r") as file:
            names = [file[str(number)].attrs["path"] for number in range(len(file))]
            values = [file[str(number)][()] for number in range(len(file))]
    except (OSError, KeyError) as error:
        raise _unreadable(path, error) from error
    if len(values) != len(variables):
        # The precision changed to or from float16: the loss scale begins again.
        variables = [v for v in variables if not _is_loss_scale(v.path)]
        values = [
            value
            for name, value in zip(names, values, strict=True)
            if not _is_loss_scale(name)
        ]
    shapes = [value.shape for value in values]
    expected = [tuple(variable.shape) for variable in variables]
    if shapes != expected:
        raise ValueError(
            "This checkpoint belongs to another network or optimizer; resume with the "
            f"recipe of its run. Received: {path} with {len(shapes)} arrays, which are "
            f"not the {len(expected)} arrays of this model"
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def read_facts(path: Path) -> dict[str, int]:
    """Return the facts that were saved with a state, including `"epochs"`.

    Args:
        path: The path of a file written by `Checkpoint`.

    Returns:
        A dictionary from names to integers. `"epochs"` is the number of completed
        epochs.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            facts = {name: int(value) for name, value in file.attrs.items()}
        return {EPOCHS: facts[EPOCHS], **facts}
    except (OSError, KeyError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(
        "This checkpoint cannot be read; restart the run with `--overwrite`. "
        f"Received: {path} ({error})"
    )


def _is_loss_scale(path: str) -> bool:
    return path.split("/")[-1] in ("dynamic_scale", "step_counter")


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]
