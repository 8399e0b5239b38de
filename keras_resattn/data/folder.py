"""A folder of class folders as labelled images."""

import contextlib
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from keras_resattn.data.image_files import check_images
from keras_resattn.data.image_files import unreadable_images
from keras_resattn.data.labelled_images import LabelledImages
from keras_resattn.data.labelled_images import encoded_split
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.random_seeds import shuffle
from keras_resattn.recipes.settings import Data
from keras_resattn.typing import Tensor

Files = list[tuple[str, int]]
Relabel = Callable[[Tensor, Tensor, int], Tensor]

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")


def load_folder(
    root: Path,
    settings: Data,
    preprocessing: Preprocessing,
    relabel: Relabel | None = None,
) -> LabelledImages:
    """Load a folder of class folders: see `keras_resattn.data.load`.

    Args:
        root: A `pathlib.Path`. It has one folder of images per class, and every
            tenth image is held out for testing. Or it has two such folders:
            `train`, and `test`, `validation` or `val`.
        settings: A `keras_resattn.recipes.settings.Data`.
        preprocessing: The network's `Preprocessing`.
        relabel: Optional function of a label, the number of the example and
            the number of classes, which returns the label to train with.

    Returns:
        `LabelledImages`.

    Raises:
        ValueError: If there are no class folders or no images, or if the
            classes of the test images are not those of the training images.
    """
    labels, train, test = list_folder(root)
    skipped: dict[str, str] = {}
    if settings.on_error == "skip":
        skipped = unreadable_images([path for path, _ in train + test], preprocessing)
        train, test = (
            [file for file in files if file[0] not in skipped]
            for files in (train, test)
        )
    if skipped:
        _check_all_classes(root, labels, train, test, tuple(skipped))
    return LabelledImages(
        settings.name,
        labels,
        _split(train, preprocessing, len(labels), relabel),
        _split(test, preprocessing, len(labels)),
        tuple(skipped),
        tuple(skipped.values()),
    )


def list_folder(root: Path) -> tuple[tuple[str, ...], Files, Files]:
    """Return the labels, and pairs of path and label to train and to test on."""
    train_root, test_root = _split_folders(root)
    labels, train = _labelled_files(train_root)
    if test_root is None:
        test = [file for i, file in enumerate(train) if i % 10 == 9]
        train = [file for i, file in enumerate(train) if i % 10 != 9]
        if not test:
            raise ValueError(
                "There are too few images to hold out every tenth for testing; "
                f"give 10 or more. Received: {root} with {len(train)} images"
            )
        return labels, train, test
    test_labels, test = _labelled_files(test_root)
    if test_labels != labels:
        raise ValueError(
            f"The classes in {train_root} and {test_root} differ. "
            f"Received: {list(labels)} and {list(test_labels)}"
        )
    return labels, train, test


def _split(files, preprocessing, classes, relabel=None):
    paths, labels = zip(*files, strict=True)
    numbers = tf.range(len(paths), dtype=tf.int64)
    labels = tf.constant(labels, tf.int64)
    files = tf.data.Dataset.from_tensor_slices((numbers, list(paths), labels))

    def read_file(number, path, label):
        if relabel:
            label = relabel(label, number, classes)
        return tf.io.read_file(path), label

    def read(seeds):
        shuffled = files if seeds is None else shuffle(files, len(paths), seeds)
        return shuffled.map(read_file, tf.data.AUTOTUNE)

    return encoded_split(read, len(paths), preprocessing.decode, paths=paths)


def _check_all_classes(root, labels, train, test, skipped):
    left = {number for _, number in train}
    empty = [label for number, label in enumerate(labels) if number not in left]
    if empty or not test:
        what = f"to train {', '.join(empty)}" if empty else "to test"
        raise ValueError(
            f"No readable image is left {what}; replace the unreadable files. "
            f"Received: {root} with {len(skipped)} unreadable, such as {skipped[0]}"
        )


def _split_folders(root):
    if (root / "train").is_dir():
        for name in ("test", "validation", "val"):
            if (root / name).is_dir():
                return root / "train", root / name
    return root, None


def _labelled_files(root):
    folders = sorted(
        path
        for path in root.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )
    if len(folders) < 2:
        raise ValueError(
            "A folder of images needs two or more folders in it, one per class "
            f"and named after it. Received: {root} with {len(folders)} folders"
        )
    files = [
        (str(path), number)
        for number, folder in enumerate(folders)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in EXTENSIONS
    ]
    empty = [f.name for i, f in enumerate(folders) if i not in {n for _, n in files}]
    if empty:
        raise ValueError(
            f"These class folders have no images ({', '.join(EXTENSIONS)}); fill or "
            f"remove them. Received: {root} with {', '.join(empty)}"
        )
    return tuple(folder.name for folder in folders), files


@contextlib.contextmanager
def naming_unreadable_images(
    data: LabelledImages, preprocessing: Preprocessing
) -> Iterator[None]:
    """If reading the images of a folder fails, find the file and name it."""
    try:
        yield
    except tf.errors.OpError:
        check_images(data.train.paths + data.test.paths, preprocessing)
        raise
