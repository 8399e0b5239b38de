"""The versions of a model on disk, and which of them a policy wants."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

MAX_VERSION = 2**63 - 1

Fingerprint = frozenset[tuple[str, int, int, int]]


@dataclasses.dataclass(frozen=True)
class VersionPolicy:
    """Which versions of a model serve.

    Args:
        limit: How many at most, the highest first; None for no limit.
        specific: Only these; None for any.
    """

    limit: int | None = 1
    specific: frozenset[int] | None = None

    def candidates(self, versions: Iterable[int]) -> list[int]:
        """Returns the versions that may serve, the highest first."""
        allowed = self.specific
        return sorted(
            (number for number in versions if allowed is None or number in allowed),
            reverse=True,
        )


def find_versions(base_path: Path) -> dict[int, Path]:
    """Finds the version folders of one model.

    Args:
        base_path: The model's folder, with `<integer>/saved_model.pb` in it.

    Returns:
        Every folder named by an integer, whatever is in it; none where `base_path`
        cannot be read.
    """
    try:
        folders = sorted(path for path in base_path.iterdir() if path.is_dir())
    except OSError:
        return {}
    numbers = ((path, path.name) for path in folders if path.name.isascii())
    return {
        int(name): path
        for path, name in numbers
        if name.isdecimal() and len(name) < 20 and int(name) <= MAX_VERSION
    }


def fingerprint(folder: Path) -> Fingerprint:
    """Returns what changes whenever the files in a folder do.

    Args:
        folder: A version's folder.

    Returns:
        Path, inode, size and time of change of every file.
    """
    files = set()
    for path in folder.rglob("*"):
        try:
            found = path.stat()
        except OSError:  # deleted meanwhile
            continue
        files.add((str(path), found.st_ino, found.st_size, found.st_mtime_ns))
    return frozenset(files)
