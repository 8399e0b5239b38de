"""The versions of a model on disk, and the policy that selects among them."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

MAX_VERSION = 2**63 - 1

Fingerprint = frozenset[tuple[str, int, int, int]]


@dataclasses.dataclass(frozen=True)
class VersionPolicy:
    """The versions of a model to serve.

    Args:
        limit: The largest number of versions, the highest first. None is no limit.
        specific: Only these versions. None is any.
    """

    limit: int | None = 1
    specific: frozenset[int] | None = None

    def candidates(self, versions: Iterable[int]) -> list[int]:
        """Return the versions that may be served, the highest first."""
        allowed = self.specific
        return sorted(
            (number for number in versions if allowed is None or number in allowed),
            reverse=True,
        )


def find_versions(base_path: Path) -> dict[int, Path]:
    """Find the version folders of one model.

    Args:
        base_path: The model's folder, with `<integer>/saved_model.pb` in it.

    Returns:
        Every folder whose name is an integer. Empty if `base_path` cannot be read.
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
    """Return a value that changes whenever the files in a folder change.

    Args:
        folder: A version's folder.

    Returns:
        Path, inode, size and modification time of every file.
    """
    files = set()
    for path in folder.rglob("*"):
        try:
            found = path.stat()
        except OSError:  # deleted in the meantime
            continue
        files.add((str(path), found.st_ino, found.st_size, found.st_mtime_ns))
    return frozenset(files)
