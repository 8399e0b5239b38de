"""Words for the data of a recipe on a model card."""

import os
from pathlib import Path

from keras_resattn.data.manifest import is_manifest
from keras_resattn.model_folder import UNKNOWN_DATA
from keras_resattn.recipes.settings import FROM_PYTHON
from keras_resattn.training.markdown import escaped


def is_path(name: str) -> bool:
    """Return whether the name of data is that of a folder or of a CSV file."""
    begins = name.startswith((".", "~", os.sep))
    return begins or is_manifest(name) or Path(name).expanduser().is_dir()


def kind_of(name: str) -> str:
    """Return the words before the name of data."""
    if is_manifest(name):
        return "a list of images, "
    if is_path(name):
        return "a folder of images, "
    return "the data set " if is_public(name) else ""


def is_public(name: str) -> bool:
    """Return whether the name of data is that of a data set."""
    return not (is_path(name) or name in (FROM_PYTHON, UNKNOWN_DATA))


def trained_on(name: str) -> str:
    """Return a sentence on the images of the training."""
    if name == UNKNOWN_DATA:
        return "It is not known on which images the model was trained."
    images = name if name == FROM_PYTHON else f"images of {escaped(data_name(name))}"
    return (
        f"The model was trained only on {images}. Its accuracy on other images was not "
        "measured."
    )


def data_name(name: str) -> str:
    """Return the name of data for a card: of a path, only its last part."""
    return Path(name).expanduser().resolve().name if is_path(name) else name
