"""Find the image files that a command works on."""

import itertools
from collections.abc import Iterable
from pathlib import Path

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")


def find_images(paths: Iterable[str | Path]) -> list[Path]:
    """Return image files, and those in folders and in their sub-folders, sorted.

    Args:
        paths: Files, with any name, and folders, which are searched for the
            extensions of PNG, JPEG, GIF, BMP and WebP.

    Returns:
        The paths, each once.

    Raises:
        FileNotFoundError: If a path does not exist, or a folder has no images.
    """
    found = itertools.chain.from_iterable(_images_of(Path(path)) for path in paths)
    return list(dict.fromkeys(found))


def _images_of(path: Path) -> list[Path]:
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
