"""Finding the images that a command is to go through."""

import itertools
from collections.abc import Iterable
from pathlib import Path

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")


def find_images(paths: Iterable[str | Path]) -> list[Path]:
    """Return image files, and those in folders and the folders in them, sorted.

    Args:
        paths: Files, taken whatever their names, and folders, searched for
            PNG, JPEG, GIF, BMP and WebP by their extensions.

    Returns:
        The paths, none twice.

    Raises:
        FileNotFoundError: If a path does not exist, or a folder has no images.
    """
    found = itertools.chain.from_iterable(_images_of(Path(path)) for path in paths)
    return list(dict.fromkeys(found))


def _images_of(path):
    if not path.exists():
        raise FileNotFoundError(
            f"There is no such file; give an image or a folder. Received: {path}"
        )
    if not path.is_dir():
        return [path]
    images = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in EXTENSIONS and file.is_file()
    )
    if not images:
        raise FileNotFoundError(
            f"There are no images ({', '.join(EXTENSIONS)}) in this folder; give "
            f"another. Received: {path}"
        )
    return images
