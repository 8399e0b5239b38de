"""Write files completely or not at all."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def check_not_a_folder(path: Path) -> None:
    """Raise an `IsADirectoryError` if a folder is where a file must be written."""
    if path.is_dir():
        raise IsADirectoryError(
            "There is a folder of this name; give the name of a file, or another name. "
            f"Received: {path}"
        )


def write_beside(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file or folder completely or not at all.

    Args:
        path: The path of the result. An existing file is replaced; a folder must
            not exist.
        write: A function that writes to the path that it receives. This path is
            in the same folder; afterwards it is renamed to `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".{os.getpid()}.{path.name}"
    try:
        write(beside)
        os.replace(beside, path)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside)
        beside.unlink(missing_ok=True)
