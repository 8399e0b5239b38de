"""Find the images in class folders, and divide them into splits."""

import collections
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from keras_resattn.data.divided_files import SPLITS
from keras_resattn.data.divided_files import DividedFiles
from keras_resattn.data.divided_files import File
from keras_resattn.data.divided_files import divide
from keras_resattn.data.divided_files import listed
from keras_resattn.data.divided_files import split_of_name
from keras_resattn.data.misnamed_splits import check_no_splits
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

OUTSIDE = "outside of class folders"
NOT_A_SPLIT = "in folders beside the splits"
TWICE = "Two folders have names of the same split; rename or join them."


def find_class_folders(
    root: Path, validation: float | str | None = None, seed: int = 0
) -> DividedFiles:
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
    seed and the file names alone decide which images are held out. If images are added
    or removed, nearly all others stay where they are, but a few can move.

    Args:
        root: The path of a folder.
        validation: The share of the training images of each class that is held out,
            above 0 and below 1. Defaults to 0.1 where there are no splits. With
            "version_0.1", images are found and divided as in version 0.1.
        seed: Integer, the random seed for the choice of images.

    Returns:
        `DividedFiles`.

    Raises:
        ValueError: If there are fewer than two classes, a class has no training
            images, or no image can be held out.
    """
    if validation == VERSION_0_1:
        return DividedFiles(*divide_as_version_0_1(root))
    left_out: LeftOut = collections.Counter()
    folders = _folders_in(root, left_out)
    splits = _split_folders(root, folders, left_out)
    if splits:
        folders = _folders_in(splits["train"], left_out)
    else:
        check_no_splits(root, {path.name: _names_in(path) for path in folders})
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
    if left_out.total():
        notes.append(describe_left_out(left_out))
    notes += _inner(train, folders)

    def draw(path: str) -> str:
        return f"{seed} {Path(path).relative_to(root).as_posix()}"

    share = None if validation is None else float(validation)
    found = divide(labels, {"train": train, **held}, share, draw, str(root))
    return dataclasses.replace(found, notes=(*notes, *found.notes))


def find_class_folder_splits(root: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Return the folder of each split, or "all" for a folder of class folders.

    Unlike `find_class_folders`, it needs no folder of training images.

    Args:
        root: The path of a folder.

    Returns:
        A tuple: the folders by the names of the splits, and notes on what is beside
        them.

    Raises:
        ValueError: If two folders have names of the same split.
    """
    found: dict[str, Path] = {}
    left_out: LeftOut = collections.Counter()
    others = []
    for path in _folders_in(root, left_out):
        kind = split_of_name(path.name)
        # Otherwise it is a class of this name.
        if kind and _has_folders(path):
            if kind in found:
                raise ValueError(
                    f"{TWICE} Received: {root} with {found[kind].name}, {path.name}"
                )
            found[kind] = path
        else:
            others.append(path)
    if not found:
        return {"all": root}, ()
    left_out[NOT_A_SPLIT] += sum(map(_count_files, others))
    return found, (describe_left_out(left_out),) if left_out.total() else ()


def is_in_class_folders(root: Path, path: Path) -> bool:
    """Return whether a folder is, or would be, searched for images to train on."""
    path, real_root = path.resolve(), root.resolve()
    if real_root not in path.parents:
        return False
    if path.relative_to(real_root).parts[0].startswith("."):
        return False
    splits, _ = find_class_folder_splits(root)
    return any(split.resolve() in path.parents for split in splits.values())


def images_in_class_folders(
    root: Path,
) -> tuple[tuple[str, ...], list[File], tuple[str, ...]]:
    """Return the classes and the images of class folders, and notes on them.

    Args:
        root: The path of a folder with one folder per class.

    Raises:
        ValueError: If there are no images.
    """
    left_out: LeftOut = collections.Counter()
    folders = _folders_in(root, left_out)
    files, empty, others = _files_in(folders)
    left_out.update(others)
    text = describe_left_out(left_out)
    if not files:
        raise ValueError(
            "There are no images in folders of classes; give a folder with one folder "
            f"per class. Received: {root}{f' ({text})' if text else ''}"
        )
    notes = [text] if text else []
    if empty:
        notes.append(f"0 images: {listed(empty)}.")
    return tuple(folder.name for folder in folders), files, tuple(notes)


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
        kind: [path for path in folders if split_of_name(path.name) == kind]
        for kind in SPLITS
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
            names = ", ".join(path.name for path in paths)
            raise ValueError(f"{TWICE} Received: {root} with {names}")
    for path in others:
        left_out[NOT_A_SPLIT] += _count_files(path)
    return {kind: paths[0] for kind, paths in found.items() if paths}


def _count_files(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def _has_folders(path: Path) -> bool:
    return bool(_names_in(path))


def _names_in(path: Path) -> list[str]:
    """Return the names of the folders in a folder, none if it cannot be read."""
    try:
        return [folder.name for folder in _folders_in(path, collections.Counter())]
    except OSError:
        return []


def _inner(files: Sequence[File], folders: Sequence[Path]) -> list[str]:
    """Return a note if class folders have images in folders inside them."""
    outer = set(map(str, folders))
    inner = [path for path, _ in files if os.path.dirname(path) not in outer]
    if not inner:
        return []
    return [
        f"{len(inner):,} images are in folders inside those of their classes, "
        f"such as {os.path.dirname(inner[0])}."
    ]


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
            f"remove them. Received: {root} with {listed(empty)}"
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
            f"images of {listed(unknown)}. Add them, or rename or remove these "
            f"folders. Received: {listed(unknown)} in {root}"
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
