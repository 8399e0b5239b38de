"""The images of a folder as version 0.1 found and divided them.

Runs that version 0.1 began must resume with the same images, and its models must
be tested on images that they were not trained on.
"""

from pathlib import Path

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")

File = tuple[str, int]


def divide_as_version_0_1(
    root: Path,
) -> tuple[tuple[str, ...], list[File], list[File], list[File]]:
    """Return the labels, and the files for training, validation and test.

    Only files directly in class folders are found. Without splits, every tenth file
    in sorted order is held out. Validation and test are the same files.

    Raises:
        ValueError: If no file can be held out, or the classes differ.
    """
    train_root, test_root = _split_folders(root)
    labels, train = _labelled_files(train_root)
    if test_root is None:
        test = train[9::10]
        train = [file for i, file in enumerate(train) if i % 10 != 9]
    else:
        test_labels, test = _labelled_files(test_root)
        if test_labels != labels:
            raise ValueError(
                f"The classes in {train_root} and {test_root} differ. "
                f"Received: {list(labels)} and {list(test_labels)}"
            )
    if not (train and test):
        raise ValueError(
            "The rule of version 0.1 finds no images to train on or to test on; put "
            f"the images of the run back. Received: {root} with {len(train)} images to "
            f"train on and {len(test)} to test on"
        )
    return labels, train, test, test


def _split_folders(root: Path) -> tuple[Path, Path | None]:
    if (root / "train").is_dir():
        for name in ("test", "validation", "val"):
            if (root / name).is_dir():
                return root / "train", root / name
    return root, None


def _labelled_files(root: Path) -> tuple[tuple[str, ...], list[File]]:
    folders = sorted(
        path
        for path in root.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )
    files = [
        (str(path), number)
        for number, folder in enumerate(folders)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in EXTENSIONS
    ]
    return tuple(folder.name for folder in folders), files
