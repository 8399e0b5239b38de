"""Which folders a run may write to and replace."""

import re
from pathlib import Path

from keras_resattn.data.class_folders import is_in_class_folders
from keras_resattn.data.sources import is_folder
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import RECIPE
from keras_resattn.recipes.settings import Data

# What `write_beside` leaves when its process is killed, and what other programs add to
# any folder: the Finder, Jupyter, git users, a server of files.
LEFTOVER = re.compile(
    r"\.\d+\..+|\.DS_Store|\._.+|\.ipynb_checkpoints|\.gitkeep|\.nfs.+"
)


def path_with_name(path: Path) -> Path:
    """Return a path that has a name and is not a link, because it will be renamed."""
    if path.is_symlink() or path.name in ("", ".."):
        return path.resolve()
    return path


def check_replaceable(path: Path) -> None:
    """Raise a `FileExistsError` if a folder cannot be replaced by a run.

    It has other files than those of a run, or the process works in it, or a file
    system is mounted there.
    """
    if Path.cwd().is_relative_to(path.resolve()):
        raise FileExistsError(
            "The model folder is replaced at the end of the training, so it cannot be "
            "the current folder or contain it; start the training from another "
            f"folder. Received: {path}"
        )
    if path.is_mount():
        raise FileExistsError(
            "The model folder is replaced at the end of the training, so it cannot be "
            f"a mounted folder; give a folder in it, such as {path / 'run'}. "
            f"Received: {path}"
        )
    if path.exists() and not is_empty(path) and not _is_run(path):
        raise FileExistsError(
            "This folder is not a run, so it is not replaced; choose another folder, "
            f"or move this one. Received: {path}, with {_first_entry(path)}"
        )


def check_outside_of_images(path: Path, settings: Data) -> None:
    """Raise a `ValueError` if a run would be inside the folder of its images."""
    if is_folder(settings) and is_in_class_folders(
        Path(settings.name).expanduser(), path
    ):
        raise ValueError(
            "The model folder cannot be in the folder of images, where it would be "
            "taken for a class. Choose another folder with --out (in Python: `out`). "
            f"Received: {path} in {settings.name}"
        )


def is_empty(path: Path) -> bool:
    """Return whether a folder has no files, except those of a killed process."""
    return path.is_dir() and not _entries(path)


def _is_run(path: Path) -> bool:
    """Return whether a run wrote a folder: a recipe alone can be anyone's."""
    entries = _entries(path) if path.is_dir() else set()
    return RECIPE in entries and (LABELS in entries or entries == {RECIPE})


def _first_entry(path: Path) -> str:
    return min(_entries(path)) if path.is_dir() else "a file of this name"


def _entries(path: Path) -> set[str]:
    names = (one.name for one in path.iterdir())
    return {name for name in names if not LEFTOVER.fullmatch(name)}
