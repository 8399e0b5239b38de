"""Labelled images, such as files, divided into splits."""

import dataclasses
import functools
import hashlib
import os
import re
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

from keras_resattn.data.labelled_images import SAME_IMAGES

# The path of an image, and the number of its class.
File = tuple[str, int]

SPLITS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
DEFAULT_SHARE = 0.1
SHOWN = 10


@dataclasses.dataclass(frozen=True)
class DividedFiles:
    """Labelled images, divided into splits.

    Attributes:
        labels: The names of the classes.
        train: The images for training.
        validation: The images to test on after each epoch.
        test: The images to test on at the end. The same object as `validation` if
            there is only one set for both.
        notes: Sentences about what was left out and decided.
    """

    labels: tuple[str, ...]
    train: list[File]
    validation: list[File]
    test: list[File]
    notes: tuple[str, ...] = ()


def split_of_name(name: str) -> str | None:
    """Return which split a name means, in upper or lower case.

    Example:

    >>> split_of_name("Valid"), split_of_name("cat")
    ('validation', None)
    """
    return next((kind for kind in SPLITS if name.lower() in SPLITS[kind]), None)


def divide(
    labels: tuple[str, ...],
    splits: Mapping[str, list[File]],
    share: float | None,
    draw: Callable[[str], str],
    source: str,
) -> DividedFiles:
    """Complete the splits: hold out training images where there are none to test on.

    Args:
        labels: The names of the classes.
        splits: The images of each split that there is. "train" must be there.
        share: The share of the training images of each class that is held out, or
            `None` for 0.1, and for no hold-out where there are test images.
        draw: A function from a path to a text, which alone decides whether the
            image is held out.
        source: Where the images are from, for errors.

    Raises:
        ValueError: If no image can be held out.
    """
    train = splits["train"]
    held = {kind: splits[kind] for kind in ("validation", "test") if splits.get(kind)}
    if not held or ("validation" not in held and share is not None):
        share = DEFAULT_SHARE if share is None else share
        train, held["validation"] = _hold_out(train, len(labels), share, draw, source)
    found = DividedFiles(
        labels,
        train,
        held.get("validation") or held["test"],
        held.get("test") or held["validation"],
    )
    return dataclasses.replace(found, notes=tuple(_notes(found)))


def _hold_out(
    files: Sequence[File],
    classes: int,
    share: float,
    draw: Callable[[str], str],
    source: str,
) -> tuple[list[File], list[File]]:
    """Return the files to train on, and those that are held out."""
    by_class: list[list[str]] = [[] for _ in range(classes)]
    for path, number in files:
        by_class[number].append(path)

    def digest(path: str) -> bytes:
        return hashlib.sha256(os.fsencode(draw(path))).digest()

    held: set[str] = set()
    for paths in by_class:
        held.update(sorted(paths, key=digest)[: count_held_out(len(paths), share)])
    if not held:
        raise ValueError(
            "No class has two or more images, so none can be held out for validation; "
            f"add images. Received: {source} with {len(files)} images of {classes} "
            "classes"
        )
    return (
        [file for file in files if file[0] not in held],
        [file for file in files if file[0] in held],
    )


def count_held_out(count: int, share: float) -> int:
    """Return how many of a class's images are held out.

    Example:

    >>> [count_held_out(count, 0.1) for count in (1, 2, 14, 15)]
    [0, 1, 1, 2]
    """
    return min(max(1, int(count * share + 0.5)), count - 1)


def _notes(found: DividedFiles) -> list[str]:
    notes = []
    trained = {number for _, number in found.train}
    for kind in ("validation", "test"):
        files = getattr(found, kind)
        if kind == "test" and found.test is found.validation:
            break
        absent = trained - {number for _, number in files}
        if absent:
            names = listed([found.labels[number] for number in sorted(absent)])
            notes.append(f"0 {kind} images: {names}.")
    if found.test is found.validation:
        notes.append(SAME_IMAGES)
    return notes + _notes_on_repeated(found)


def _notes_on_repeated(found: DividedFiles) -> list[str]:
    """Return notes on files that are in two splits or classes, for example by links."""
    notes = []
    # Most images are in few folders.
    real_folder = functools.cache(os.path.realpath)
    real = functools.partial(_real, real_folder=real_folder)
    trained: dict[str, int] = {}
    two = [path for path, label in found.train if _is_other(trained, real(path), label)]
    if two:
        notes.append(
            f"{len(two):,} training images have two classes, such as {two[0]}."
        )
    for kind, files in {"validation": found.validation, "test": found.test}.items():
        if kind == "test" and found.test is found.validation:
            break
        both = [path for path, _ in files if real(path) in trained]
        if both:
            notes.append(
                f"{len(both):,} {kind} images are also training images, such as "
                f"{both[0]}."
            )
    return notes


def _is_other(known: dict[str, int], path: str, label: int) -> bool:
    return known.setdefault(path, label) != label


def _real(path: str, real_folder: Callable[[str], str]) -> str:
    """Return a path without links. `real_folder` is asked for the folders."""
    if os.path.islink(path):
        return os.path.realpath(path)
    folder, name = os.path.split(path)
    return os.path.join(real_folder(folder), name)


def listed(names: Sequence[str]) -> str:
    """Return the first names as text, and the number of others.

    Names with spaces or commas are quoted: 'traffic light', 'fire truck'.
    """
    more = len(names) - SHOWN
    shown = (repr(x) if re.search(r"[\s,]|^$", x) else x for x in names[:SHOWN])
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
