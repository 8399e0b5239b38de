"""A CSV file that lists images with their classes and splits."""

import csv
import dataclasses
import os
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from keras_resattn.data.divided_files import SPLITS
from keras_resattn.data.divided_files import DividedFiles
from keras_resattn.data.divided_files import File
from keras_resattn.data.divided_files import divide
from keras_resattn.data.divided_files import listed
from keras_resattn.data.divided_files import split_of_name

LISTED = 20
# The split of images in a file without a column `split`.
UNDIVIDED = "all"


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of a manifest.

    Attributes:
        line: The number of the line, counted from 1.
        name: The path as the file states it.
        path: The path, joined with the folder of the file.
        label: The name of the class.
        split: "train", "validation", "test", or "all" without a column `split`.
        rest: What follows the last column of the header, "" if there is nothing.
    """

    line: int
    name: str
    path: Path
    label: str
    split: str
    rest: str = ""


def is_manifest(name: str) -> bool:
    """Return whether the name of a data set is that of a CSV file."""
    return name.lower().endswith(".csv") and not Path(name).expanduser().is_dir()


def read_manifest(path: Path) -> list[Row]:
    """Read a CSV file with the columns `path` and `label`, and optionally `split`.

    Paths are relative to the folder of the file. The names of splits are those of
    folders, see `keras_resattn.data.class_folders.find_class_folders`. Other columns
    are not used.

    Args:
        path: The path of the CSV file, in UTF-8, with commas.

    Returns:
        A list of `Row`.

    Raises:
        FileNotFoundError: If the CSV file does not exist.
        ValueError: If its header or some of its lines are wrong. The message lists
            the first 20 of these lines.
    """
    if not path.is_file():
        raise FileNotFoundError(
            "There is no such CSV file; give the path of one with the columns "
            f"path,label or path,label,split. Received: {path}"
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(
                file, skipinitialspace=True, restval="", strict=True
            )
            _check_header(reader.fieldnames or (), path)
            rows = list(_rows(reader, path.parent))
    except csv.Error as error:
        raise ValueError(
            f"This file is not CSV ({error}, in the row after line "
            f"{reader.line_num}). A cell that has a quotation mark must be in quotes, "
            "and the mark in it is written twice. Nothing, not even a space, may "
            f"follow the mark that ends the cell. Received: {path}"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"This file is not CSV in UTF-8 ({error}); save it again in this format. "
            f"Received: {path}"
        ) from error
    _check_rows(rows, path)
    return rows


def divide_manifest(
    path: Path, validation: float | str | None = None, seed: int = 0
) -> DividedFiles:
    """Return the images of a CSV file, divided into splits.

    The splits follow from what is there, as for folders: see
    `keras_resattn.data.class_folders.find_class_folders`. The names of the classes
    are sorted.

    Args:
        path: The path of the file: see `read_manifest`.
        validation: The share of the training images that is held out.
        seed: Integer, the random seed for the choice of held-out images.

    Raises:
        ValueError: If there are fewer than two classes, a class has no training
            images, or no image can be held out.
    """
    rows = read_manifest(path)
    train = [row for row in rows if row.split in ("train", UNDIVIDED)]
    labels = tuple(sorted({row.label for row in train}))
    if len(labels) < 2:
        raise ValueError(
            "A CSV file needs training images of two or more classes. Received: "
            f"{path} with {len(labels)} classes in {len(train)} lines to train on"
        )
    unknown = sorted({row.label for row in rows} - set(labels))
    if unknown:
        raise ValueError(
            "There are no training images of some classes; add them, or remove the "
            f"lines of these classes. Received: {listed(unknown)} in {path}"
        )
    names = {str(row.path): row.name for row in rows}

    def draw(image: str) -> str:
        return f"{seed} {names[image]}"

    share = validation if isinstance(validation, float) else None
    splits = {"train": _files(train, labels)} | {
        kind: _files([row for row in rows if row.split == kind], labels)
        for kind in ("validation", "test")
    }
    return divide(labels, splits, share, draw, str(path))


def splits_of_manifest(path: Path) -> tuple[tuple[str, ...], dict[str, list[File]]]:
    """Return the names of the classes of a CSV file, and the images of each split.

    Args:
        path: The path of the file: see `read_manifest`.
    """
    rows = read_manifest(path)
    labels = tuple(sorted({row.label for row in rows}))
    files = {
        kind: _files([row for row in rows if row.split == kind], labels)
        for kind in (*SPLITS, UNDIVIDED)
    }
    return labels, {kind: found for kind, found in files.items() if found}


def _check_header(names: Sequence[str], path: Path) -> None:
    missing = [name for name in ("path", "label") if name not in names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if missing or twice:
        what = f"lacks {' and '.join(missing)}" if missing else f"has {twice[0]} twice"
        raise ValueError(
            f"The first line of this CSV file {what}; it must be path,label or "
            "path,label,split, separated by commas. Received: "
            f"{','.join(names) or 'an empty file'} in {path}"
        )


def _rows(reader: "csv.DictReader[str]", folder: Path) -> Iterator[Row]:
    is_divided = "split" in (reader.fieldnames or ())
    for cells in reader:
        split = cells["split"].strip() if is_divided else UNDIVIDED
        yield Row(
            reader.line_num,
            cells["path"],
            folder / cells["path"],
            cells["label"].strip(),
            (split_of_name(split) or f"?{split}") if is_divided else split,
            ",".join(cells.get(None, ())).strip(" ,"),
        )


def _check_rows(rows: list[Row], path: Path) -> None:
    """Raise an error that lists the lines that are wrong."""
    faults = []
    first: dict[str, int] = {}
    for row in rows:
        fault = _fault(row)
        real = os.path.realpath(row.path)
        if not fault and real in first:
            fault = f"the same file as in line {first[real]}: {row.name}"
        first.setdefault(real, row.line)
        if fault:
            faults.append(f"  line {row.line}: {fault}")
    if not (faults or rows):
        faults.append("  line 2: there is no image")
    if faults:
        more = len(faults) - LISTED
        shown = faults[:LISTED] + ([f"  and {more:,} more"] if more > 0 else [])
        raise ValueError(
            f"{len(faults):,} lines of this CSV file are wrong:\n"
            + "\n".join(shown)
            + "\nCorrect or remove them; paths are relative to the folder of the "
            f"CSV file. Received: {path}"
        )


def _fault(row: Row) -> str:
    """Return what is wrong with a row, or ""."""
    if row.rest:
        return (
            f"more cells than the header has: {row.rest}; put quotes around a cell "
            "with a comma"
        )
    if not row.name:
        return "there is no path"
    if not row.label:
        return f"there is no label for {row.name}"
    if row.split.startswith("?"):
        return f"unknown split '{row.split[1:]}'; use train, validation or test"
    try:
        is_file = row.path.is_file()
    except OSError as error:
        return f"this file cannot be read ({error.strerror}): {row.name}"
    return "" if is_file else f"there is no such file: {row.name}"


def _files(rows: list[Row], labels: tuple[str, ...]) -> list[File]:
    numbers = {label: number for number, label in enumerate(labels)}
    return [(str(row.path), numbers[row.label]) for row in rows]
