"""Find the images that a command draws, and tell which files cannot be read."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from keras_resattn_cli.progress import print_left_out
from keras_resattn_client.image_files import LeftOut
from keras_resattn_client.image_files import find_images

if TYPE_CHECKING:
    from keras_resattn.data.preprocessing import Preprocessing


@contextlib.contextmanager
def readable_images(
    paths: list[Path], preprocessing: "Preprocessing", out: Path
) -> Iterator[list[Path]]:
    """Yield the images that can be read; name the others, and fail at the end.

    Args:
        paths: Image files, and folders to search.
        preprocessing: The `Preprocessing` to decode with.
        out: The folder to write to. Images in it that a search found are left out.

    Yields:
        The paths of readable images. If several others cannot be read, they are first
        named on standard error, with the reasons.

    Raises:
        ValueError: After the block, if a file could not be read. Before it, if none
            could.
    """
    from keras_resattn.data.image_files import unreadable_images

    left_out = LeftOut()
    found = find_images(paths, left_out, keep_missing=True)
    written = _written(paths, found, out)
    left_out["in the output folder"] += len(written)
    found = [path for path in found if path not in written]
    print_left_out(left_out)
    reasons = unreadable_images(found, preprocessing)
    if len(reasons) > 1:
        for path, reason in reasons.items():
            typer.echo(f"{path}: this file {reason}", err=True)
    readable = [path for path in found if str(path) not in reasons]
    if readable:
        yield readable
    if len(reasons) == 1:
        ((path, reason),) = reasons.items()
        raise ValueError(f"This file {reason}. Received: {path}")
    if reasons:
        raise ValueError(
            f"{len(reasons)} of {len(found)} images cannot be read; replace or remove "
            f"them. Received: {', '.join(reasons)}"
        )


def _written(paths: list[Path], found: list[Path], out: Path) -> set[Path]:
    """Return the images that an earlier command wrote to a folder that is searched."""
    folder = out.resolve()
    searched = {path.resolve() for path in paths if path.is_dir()}
    if folder in searched:
        raise ValueError(
            "The figures would lie among the images, and the next command would take "
            f"them for images. Give another folder as --out. Received: --out {out}"
        )
    if searched.isdisjoint(folder.parents):
        return set()
    # What was named, a file or a folder, is not taken for an output.
    named = {path.resolve() for path in paths}
    written = set()
    for path in found:
        real = path.resolve()
        below = {real, *real.parents} - {folder, *folder.parents}
        if folder in real.parents and named.isdisjoint(below):
            written.add(path)
    if written == set(found):
        raise ValueError(
            "All images are in the output folder. Give other images, or another folder "
            f"as --out. Received: --out {out}"
        )
    return written
