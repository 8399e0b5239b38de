"""Names of the files that are written for images."""

from collections.abc import Sequence
from pathlib import Path


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Return the names of paths without extensions. Number those that are equal.

    Example:

    >>> unique_names([Path("a/0.png"), Path("b/0.png")])
    ['0', '0-2']

    Args:
        paths: The paths.
    """
    names, stems = [], {path.stem for path in paths}
    for path in paths:
        name, number = path.stem, 2
        while name in names or (number > 2 and name in stems):
            name, number = f"{path.stem}-{number}", number + 1
        names.append(name)
    return names
