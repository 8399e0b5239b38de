"""Locks of files between processes, where the system has them."""

from typing import IO
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def lock(file: int | IO[Any]) -> None:
    """Lock an open file or folder until it is closed.

    Windows has no such locks, so nothing is locked there.

    Args:
        file: The file, or its descriptor.

    Raises:
        BlockingIOError: If another process has the lock.
        OSError: If the file system has no locks.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
