"""The names of classes: read from a file, and checked."""

from collections.abc import Iterable
from pathlib import Path

from keras_resattn.typing import StrPath


def read_class_names(path: StrPath) -> list[str]:
    """Read a file with one class name per line.

    Args:
        path: The path of a text file in UTF-8, with or without a byte order mark.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not UTF-8.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            "There is no such file of class names. Write one name per line, in the "
            f"order of the outputs. Received: labels={path}"
        )
    try:
        return Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"This file of class names is not text in UTF-8 ({error}); save it again "
            f"as UTF-8. Received: labels={path}"
        ) from error


def check_class_names(names: Iterable[str], source: object) -> None:
    """Raise a `ValueError` if names of classes cannot be kept apart or written.

    Args:
        names: The names, in the order of the model's outputs.
        source: What they belong to, for errors.
    """
    numbers: dict[str, int] = {}
    for number, name in enumerate(names):
        if len(name.splitlines()) != 1 or not _is_unicode(name):
            raise ValueError(
                "The name of a class must be one line of text, in valid UTF-8, because "
                "the names are kept in a file with one line per class; rename it. "
                f"Received: {name!r} in {source}"
            )
        if name in numbers:
            raise ValueError(
                "Each class needs a name of its own, because results are listed by "
                f"name; number those that repeat. Received: {name!r} as class "
                f"{numbers[name]} and class {number} in {source}"
            )
        numbers[name] = number


def _is_unicode(name: str) -> bool:
    """Return whether a name has no bytes of another encoding, as a path can have."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
