"""The whole state of a training, saved so that it can go on as if never ended."""

import h5py
import keras

from keras_resattn.model_folder import write_beside

EPOCHS = "epochs"


class Checkpoint(keras.callbacks.Callback):
    """Save a model's and its optimizer's state after each epoch.

    Weights, momenta, averages, the loss scale and the states of random
    generators: what `restore` needs so that the epochs to come are the same,
    bit by bit, as without an interruption. The file is written beside and
    renamed, so the last good one is there whatever happens.

    Args:
        path: A `pathlib.Path`, the file.
        facts: Optional dictionary of numbers, how it is trained, for
            `read_facts`.
    """

    def __init__(self, path, facts=None):
        super().__init__()
        self.path = path
        self.facts = facts or {}

    def on_epoch_end(self, epoch, logs=None):
        facts = self.facts | {EPOCHS: epoch + 1}
        write_beside(self.path, lambda path: save(self.model, path, facts))


def save(model, path, facts):
    """Write the state of a compiled model and facts about it to a file."""
    with h5py.File(path, "w") as file:
        file.attrs.update(facts)
        for number, variable in enumerate(_variables(model)):
            value = keras.ops.convert_to_numpy(variable.value)
            file.create_dataset(str(number), data=value).attrs["path"] = variable.path


def restore(model, path):
    """Load a state into the same network, compiled the same way.

    Args:
        model: A compiled `keras.Model`.
        path: The path of a file written by `Checkpoint`.

    Raises:
        ValueError: If the file is damaged or of another network.
    """
    variables = _variables(model)
    try:
        with h5py.File(path, "r") as file:
            values = [file[str(number)][()] for number in range(len(file))]
    except (OSError, KeyError) as error:
        raise _unreadable(path, error) from error
    shapes = [value.shape for value in values]
    expected = [tuple(variable.shape) for variable in variables]
    if shapes != expected:
        raise ValueError(
            "This checkpoint is of another network or optimizer; resume with the "
            f"recipe it was made by. Received: {path} with {len(shapes)} arrays, not "
            f"{len(expected)} of the same shapes"
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def read_facts(path):
    """Return the facts that were saved with a state, `"epochs"` among them.

    Args:
        path: The path of a file written by `Checkpoint`.

    Returns:
        A dictionary from names to integers.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            facts = {name: int(value) for name, value in file.attrs.items()}
        return {EPOCHS: facts[EPOCHS], **facts}
    except (OSError, KeyError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path, error):
    return ValueError(
        "This checkpoint cannot be read; start the run anew with `--overwrite`. "
        f"Received: {path} ({error})"
    )


def _variables(model):
    return [*model.variables, *model.optimizer.variables]
