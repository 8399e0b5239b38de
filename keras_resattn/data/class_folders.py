"""Find the images in class folders, and divide them into splits."""

import collections
import dataclasses
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from keras_resattn.data.labelled_images import SAME_IMAGES
from keras_resattn.data.version_0_1 import divide_as_version_0_1
from keras_resattn.recipes.settings import VERSION_0_1
from keras_resattn_client.image_files import EXTENSIONS
from keras_resattn_client.image_files import LINKS
from keras_resattn_client.image_files import LeftOut
from keras_resattn_client.image_files import count_files
from keras_resattn_client.image_files import describe_left_out
from keras_resattn_client.image_files import folders_above
from keras_resattn_client.image_files import is_folder
from keras_resattn_client.image_files import reason_to_leave_out
from keras_resattn_client.image_files import search_folder

# The path of an image, and the number of its class.
File = tuple[str, int]

SPLITS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
DEFAULT_SHARE = 0.1
OUTSIDE = "outside of class folders"
NOT_A_SPLIT = "in folders beside the splits"
SHOWN = 10


@dataclasses.dataclass(frozen=True)
class ClassFolders:
    """The images in class folders.

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


def find_class_folders(
    root: Path, validation: float | str | None = None, seed: int = 0
) -> ClassFolders:
    """Find the images in class folders, and divide them into splits.

    `root` has one folder per class, or folders for splits, which have one folder per
    class: `train` or `training`; `val`, `valid` or `validation`; `test` or
    `testing`, in upper or lower case. Folders are searched by
    `keras_resattn_client.image_files.search_folder`.

    The splits follow from what is there:

    * Training, validation and test images: all three are used.
    * Training and validation images: the validation images are also the test images.
    * Training and test images: with a share `validation`, training images are held
      out for validation; otherwise the test images are also the validation images.
    * No splits: images are held out for both validation and test.

    Of a class with n images, round(n * share) are held out (0.5 is rounded up), at
    least 1 and at most n - 1. A class with one image is used only for training. The
    seed and the file names alone decide which images are held out, so images that are
    added later do not move the others.

    Args:
        root: The path of a folder.
        validation: The share of the training images of each class that is held out,
            above 0 and below 1. Defaults to 0.1 where there are no splits. With
            "version_0.1", images are found and divided as in version 0.1.
        seed: Integer, the random seed for the choice of images.

    Returns:
        `ClassFolders`.

    Raises:
        ValueError: If there are fewer than two classes, a class has no training
            images, or no image can be held out.
    """
    if validation == VERSION_0_1:
        return ClassFolders(*divide_as_version_0_1(root))
    left_out: LeftOut = collections.Counter()
    folders = _folders_in(root, left_out)
    splits = _split_folders(root, folders, left_out)
    if splits:
        folders = _folders_in(splits["train"], left_out)
    train_root = splits.pop("train", root)
    labels, train = _training_files(train_root, folders, left_out)
    held = {
        kind: _test_files(path, labels, train_root, left_out)
        for kind, path in splits.items()
    }
    notes = [
        f"{splits[kind]} has no images in class folders, so it is not used."
        for kind in held
        if not held[kind]
    ]
    held = {kind: files for kind, files in held.items() if files}
    if not held or ("validation" not in held and validation is not None):
        share = DEFAULT_SHARE if validation is None else float(validation)
        train, held["validation"] = _hold_out(root, train, len(labels), share, seed)
    found = ClassFolders(
        labels,
        train,
        held.get("validation") or held["test"],
        held.get("test") or held["validation"],
    )
    return dataclasses.replace(found, notes=(*notes, *_notes(found, left_out)))


def _folders_in(root: Path, left_out: LeftOut) -> list[Path]:
    above = folders_above(root) | {root.resolve()}
    folders = []
    with os.scandir(root) as entries:
        for entry in entries:
            reason = reason_to_leave_out(entry)
            if not reason and not is_folder(entry):
                reason = OUTSIDE
            elif not reason and Path(entry).resolve() in above:
                reason = LINKS
            if reason:
                left_out[reason] += count_files(entry)
            else:
                folders.append(Path(entry))
    return sorted(folders)


def _split_folders(
    root: Path, folders: Sequence[Path], left_out: LeftOut
) -> dict[str, Path]:
    """Return the folders of splits by their kind, with "train" if there are any."""
    found = {
        kind: [path for path in folders if path.name.lower() in names]
        for kind, names in SPLITS.items()
    }
    others = [path for path in folders if all(path not in f for f in found.values())]
    tested = found["validation"] or found["test"]
    if not found["train"]:
        if tested and not others:
            names = ", ".join(path.name for path in folders)
            raise ValueError(
                "There are folders to test on but none to train on; add a folder "
                f"`train`. Received: {root} with {names}"
            )
        return {}
    # Otherwise "train" is a class, such as the vehicle.
    if not tested and (others or not _has_folders(found["train"][0])):
        return {}
    for paths in found.values():
        if len(paths) > 1:
            raise ValueError(
                "Two folders have names of the same split; rename or join them. "
                f"Received: {root} with {', '.join(path.name for path in paths)}"
            )
    for path in others:
        left_out[NOT_A_SPLIT] += sum(len(names) for _, _, names in os.walk(path))
    return {kind: paths[0] for kind, paths in found.items() if paths}


def _has_folders(path: Path) -> bool:
    return bool(_folders_in(path, collections.Counter()))


def _training_files(
    root: Path, folders: Sequence[Path], left_out: LeftOut
) -> tuple[tuple[str, ...], list[File]]:
    if len(folders) < 2:
        inner = len(folders) == 1 and len(_folders_in(folders[0], LeftOut())) > 1
        hint = f"Did you mean {folders[0]}? " if inner else ""
        raise ValueError(
            "A folder of images needs two or more folders in it, one per class, named "
            f"after the class. {hint}Received: {root} with {len(folders)} folders"
        )
    files, empty, others = _files_in(folders)
    left_out.update(others)
    if empty:
        text = describe_left_out(others)
        raise ValueError(
            f"These class folders have no images ({', '.join(EXTENSIONS)}); fill or "
            f"remove them. Received: {root} with {_listed(empty)}"
            f"{f' ({text})' if text else ''}"
        )
    return tuple(folder.name for folder in folders), files


def _test_files(
    root: Path, labels: Sequence[str], train_root: Path, left_out: LeftOut
) -> list[File]:
    folders = _folders_in(root, left_out)
    by_name = {folder.name: folder for folder in folders}
    files, empty, others = _files_in([*by_name.values()])
    left_out.update(others)
    unknown = sorted(by_name.keys() - set(labels) - set(empty))
    if unknown:
        raise ValueError(
            f"The classes in {train_root} and {root} differ: there are no training "
            f"images of {_listed(unknown)}. Add them, or rename or remove these "
            f"folders. Received: {_listed(unknown)} in {root}"
        )
    names = list(by_name)
    return [(path, labels.index(names[number])) for path, number in files]


def _files_in(folders: Sequence[Path]) -> tuple[list[File], list[str], LeftOut]:
    """Return the images in folders, the names of empty ones, and what is left out."""
    files, empty = [], []
    left_out: LeftOut = collections.Counter()
    for number, folder in enumerate(folders):
        images, others = search_folder(folder)
        left_out.update(others)
        files += [(str(path), number) for path in images]
        if not images:
            empty.append(folder.name)
    return files, empty, left_out


def _hold_out(
    root: Path, files: Sequence[File], classes: int, share: float, seed: int
) -> tuple[list[File], list[File]]:
    """Return the files to train on, and those that are held out."""
    by_class: list[list[str]] = [[] for _ in range(classes)]
    for path, number in files:
        by_class[number].append(path)

    def draw(path: str) -> bytes:
        text = f"{seed} {Path(path).relative_to(root).as_posix()}"
        return hashlib.sha256(os.fsencode(text)).digest()

    held: set[str] = set()
    for paths in by_class:
        held.update(sorted(paths, key=draw)[: count_held_out(len(paths), share)])
    if not held:
        raise ValueError(
            "No class has two or more images, so none can be held out for validation; "
            f"add images. Received: {root} with {len(files)} images of {classes} "
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


def _notes(found: ClassFolders, left_out: LeftOut) -> list[str]:
    notes = [describe_left_out(left_out)] if left_out else []
    trained = collections.Counter(number for _, number in found.train)
    for kind in ("validation", "test"):
        files = getattr(found, kind)
        if kind == "test" and found.test is found.validation:
            break
        absent = set(trained) - {number for _, number in files}
        names = [found.labels[number] for number in sorted(absent)]
        if names:
            notes.append(f"0 {kind} images: {_listed(names)}.")
    if found.test is found.validation:
        notes.append(SAME_IMAGES)
    return notes


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")
