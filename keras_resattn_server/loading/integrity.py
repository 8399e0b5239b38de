"""Check the files of a version before it is loaded: their kind and their SHA-256."""

import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path

CHECKSUMS = Path("assets.extra", "SHA256SUMS")

_LINE = re.compile("([0-9a-f]{64})  (.+)")
_logger = logging.getLogger(__name__)


def check_files(folder: Path) -> None:
    """Check the files of a version.

    Each must be a regular file, because reading a pipe could block for ever. If the
    export has a list of checksums, each file in it must exist and be the same.

    Args:
        folder: The version's folder.

    Raises:
        ValueError: If a file is not a regular file, is missing, or differs.
    """
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    for name, path in sorted(names.items()):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ValueError(
                "A version must have only regular files and folders; remove this one. "
                f"Received: {name}"
            )
    files = {name: path for name, path in names.items() if path.is_file()}
    listed = files.pop(CHECKSUMS.as_posix(), None)
    if listed is None:
        _logger.info("%s is not checked, as it has no %s", folder, CHECKSUMS)
        return
    checksums = _read_checksums(listed)
    _check_checksums(files, checksums)
    if added := sorted(files.keys() - checksums.keys()):
        names_added = ", ".join(added)
        _logger.info("%s has files that are not checked: %s", folder, names_added)


def _read_checksums(path: Path) -> dict[str, str]:
    checksums = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(
                "A list of checksums must have lines of a SHA-256, two spaces and a "
                f"file; export the model again. Received: {path.name}"
            )
        checksums[match[2]] = match[1]
    return checksums


def _check_checksums(files: Mapping[str, Path], checksums: Mapping[str, str]) -> None:
    for name, expected in checksums.items():
        if name not in files:
            raise ValueError(
                "A file of the export is missing; copy the whole folder again. "
                f"Received: {name}"
            )
        with files[name].open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise ValueError(
                "A file is not the one that was exported (its SHA-256 differs from "
                f"{CHECKSUMS.name}); copy it again. Received: {name}"
            )
