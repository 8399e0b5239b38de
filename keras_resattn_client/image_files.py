"""Find the image files in folders."""

import collections
import itertools
import os
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path

EXTENSIONS = (
    *(".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg"),
    *(".pjp", ".pjpeg", ".png", ".webp"),
)
# Copies and thumbnails that macOS, Synology and Windows put beside images.
SYSTEM_FOLDERS = ("__macosx", "@eadir", "$recycle.bin")
SYSTEM_FILES = ("thumbs.db", "ehthumbs.db", "desktop.ini")

HIDDEN = "hidden"
SYSTEM = "of the operating system"
LINKS = "links to folders that are searched already"
NO_FILE = "broken links or special files"
NO_ENDING = "without an ending"
UNREADABLE = "folders that cannot be read"
WITHOUT_IMAGES = "folders without images"

# The number of files that were left out, by reason.
LeftOut = collections.Counter[str]


def find_images(
    paths: Iterable[str | Path],
    left_out: LeftOut | None = None,
    keep_missing: bool = False,
) -> list[Path]:
    """Return image files, and the image files in folders.

    Args:
        paths: Files, which are taken whatever their names are, and folders, which
            are searched by `search_folder`.
        left_out: A `collections.Counter`. The files in folders that are left out
            are added to it, by reason.
        keep_missing: Boolean, whether to return a path that does not exist as it is,
            and to count a folder without images, if there are others, so that they do
            not stop these.

    Returns:
        The paths in the given order, those in a folder sorted, and none twice.

    Raises:
        FileNotFoundError: If a path does not exist, or a folder has no images.
    """
    left_out = collections.Counter() if left_out is None else left_out
    given = [Path(path) for path in paths]
    is_kept = keep_missing and bool(given[1:]) and any(map(Path.exists, given))
    found = itertools.chain.from_iterable(
        _images_of(path, left_out, is_kept) for path in given
    )
    images = list(dict.fromkeys(found))
    if not images and given:
        raise FileNotFoundError(
            f"There are no images ({', '.join(EXTENSIONS)}) in these folders; give "
            f"others. Received: {', '.join(map(str, given))}"
        )
    return images


def search_folder(folder: Path) -> tuple[list[Path], LeftOut]:
    """Search a folder, and all folders in it, for image files.

    The endings of `EXTENSIONS` are found in upper and lower case. Links are followed,
    but no folder is searched twice, so a link to a folder above ends there. Hidden
    files and folders (such as `._0.jpg` and `.DS_Store`), `__MACOSX` and similar
    folders are left out.

    Args:
        folder: The path of a folder.

    Returns:
        The sorted paths of the images, and the number of files that were left out,
        by reason.
    """
    found: list[Path] = []
    left_out: LeftOut = collections.Counter()
    searched = folders_above(folder)
    folders, links = collections.deque([folder]), collections.deque[Path]()
    # Links come last, so that a path without links is preferred.
    while folders or links:
        current = (folders or links).popleft()
        if current.resolve() in searched:
            left_out[LINKS] += 1
            continue
        searched.add(current.resolve())
        for entry in _entries(current, left_out):
            reason = reason_to_leave_out(entry)
            if reason:
                left_out[reason] += count_files(entry)
            elif is_folder(entry):
                (links if entry.is_symlink() else folders).append(Path(entry))
            else:
                found.append(Path(entry))
    return sorted(found), left_out


def _entries(folder: Path, left_out: LeftOut) -> list[os.DirEntry[str]]:
    """Return what is in a folder. One that cannot be read is counted."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        left_out[UNREADABLE] += 1
        return []


def folders_above(folder: Path) -> set[Path]:
    """Return all folders that contain a folder, by its path and by its real path."""
    above = [*folder.absolute().parents, *folder.resolve().parents]
    return {path.resolve() for path in above}


def reason_to_leave_out(entry: os.DirEntry[str]) -> str:
    """Return why a file or a folder is left out, or "" if it is not."""
    name = entry.name.lower()
    if name in SYSTEM_FOLDERS or name in SYSTEM_FILES:
        return SYSTEM
    if name.startswith("."):
        return HIDDEN
    if is_folder(entry):
        return ""
    if not os.path.isfile(entry):
        return NO_FILE
    ending = os.path.splitext(name)[1]
    return "" if ending in EXTENSIONS else ending or NO_ENDING


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder or a link to one."""
    # `entry.is_dir` raises an error for a link to itself.
    return os.path.isdir(entry) if entry.is_symlink() else entry.is_dir()


def count_files(entry: os.DirEntry[str]) -> int:
    """Return 1 for a file, and for a folder the number of files in it."""
    if not entry.is_dir(follow_symlinks=False):
        return 1
    return sum(len(names) for _, _, names in os.walk(entry.path))


def describe_left_out(left_out: Mapping[str, int]) -> str:
    """Return the files that were left out as text, or "" if there are none.

    Example:

    >>> describe_left_out({"hidden": 2, ".tif": 30})
    'left out: 30 .tif, 2 hidden'
    """
    counts = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    texts = [f"{count:,} {reason}" for reason, count in counts if count]
    return f"left out: {', '.join(texts)}" if texts else ""


def _images_of(path: Path, left_out: LeftOut, is_kept: bool) -> Iterator[Path]:
    if not path.exists():
        if is_kept:
            yield path
            return
        raise FileNotFoundError(
            f"There is no such file; give an image or a folder. Received: {path}"
        )
    if not path.is_dir():
        yield path
        return
    images, others = search_folder(path)
    if not images and is_kept:
        left_out[WITHOUT_IMAGES] += 1
    elif not images:
        text = describe_left_out(others)
        raise FileNotFoundError(
            f"There are no images ({', '.join(EXTENSIONS)}) in this folder; give "
            f"another. Received: {path}{f' ({text})' if text else ''}"
        )
    left_out.update(others)
    yield from images


def printable(name: str) -> str:
    r"""Return the name of a file without the bytes in it that are not UTF-8.

    Example:

    >>> printable("caf\udce9.jpg")
    'caf\ufffd.jpg'
    """
    return os.fsencode(name).decode("utf-8", "replace")
