"""Images that are given in Python: NumPy arrays or `tf.data.Dataset`s."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TypeAlias
from typing import cast

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_resattn.data.divided_files import File
from keras_resattn.data.divided_files import divide
from keras_resattn.data.divided_files import listed
from keras_resattn.data.divided_files import split_of_name
from keras_resattn.data.given_data import GivenArrays
from keras_resattn.data.given_data import GivenDataset
from keras_resattn.data.labelled_images import LabelledImages
from keras_resattn.data.labelled_images import Relabel
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.recipes.settings import FROM_PYTHON
from keras_resattn.typing import Array

Part: TypeAlias = tuple[ArrayLike, ArrayLike] | tf.data.Dataset
PythonData: TypeAlias = Part | Mapping[str, Part | Sequence[str]]
Given: TypeAlias = GivenArrays | GivenDataset

LABELS = "labels"
FORMS = (
    "give a pair of arrays (images, labels), a tf.data.Dataset of such pairs, or a "
    'dictionary of them by split, such as {"train": (x, y), "validation": (a, b)}'
)


def load_python_data(
    data: PythonData,
    preprocessing: Preprocessing,
    validation: float | str | None = None,
    seed: int = 0,
    relabel: Relabel | None = None,
) -> LabelledImages:
    """Make labelled images of arrays or of `tf.data.Dataset`s.

    Example:

    >>> (x, y), (x_test, y_test) = keras.datasets.cifar10.load_data()
    >>> data = {"train": (x, y), "test": (x_test, y_test)}
    >>> load_python_data(data, Preprocessing((32, 32, 3)), 0.1).train.count
    45000

    Args:
        data: A pair of arrays `(images, labels)`; a `tf.data.Dataset` of such pairs,
            in batches or one by one; or a dictionary of these with the keys "train",
            "validation" and "test", and optionally "labels", the names of the
            classes. Images are pixel values from 0 to 255 of any size, integers or
            floats `(n, h, w, channels)`. Labels are integers from 0, one-hot, or, in
            arrays, strings, whose sorted values are the classes. A data set must have
            the same order each time it is read.
        preprocessing: The network's `Preprocessing`.
        validation: The share of the training images of each class that is held out,
            as for folders: see
            `keras_resattn.data.class_folders.find_class_folders`. Only arrays can be
            divided.
        seed: Integer, the random seed for the choice of held-out images.
        relabel: Optional function of a label, the number of the example and
            the number of classes. It returns the label to train with.

    Returns:
        `LabelledImages`.

    Raises:
        ValueError: If shapes, types, values or labels are wrong, or a
            `tf.data.Dataset` would have to be divided.
    """
    given, names = read_parts(data, preprocessing.input_shape[-1])
    if "train" not in given:
        raise ValueError(
            f"There are no training images; {FORMS}. Received: {', '.join(given)}"
        )
    labels = class_names(given, names)
    numbers = {kind: class_numbers(part, labels, kind) for kind, part in given.items()}
    _check_trained(labels, numbers["train"])
    train = given["train"]
    if isinstance(train, GivenDataset):
        if len(given) == 1:
            raise ValueError(
                "Only arrays can be divided; give validation images as well: "
                '{"train": dataset, "validation": dataset}. Received: one '
                "tf.data.Dataset"
            )
        validation = None
    files = {kind: _positions(kind, part) for kind, part in numbers.items()}
    share = validation if isinstance(validation, float) else None
    found = divide(labels, files, share, lambda image: f"{seed} {image}", FROM_PYTHON)

    def split(files: list[File], relabel: Relabel | None = None) -> Split:
        kind = files[0][0].split()[0]
        chosen = None
        if len(files) < len(numbers[kind]):
            chosen = np.array([int(name.split()[1]) for name, _ in files])
        return given[kind].split(numbers[kind], len(labels), chosen, relabel)

    validated = split(found.validation)
    is_same = found.test is found.validation
    return LabelledImages(
        FROM_PYTHON,
        labels,
        split(found.train, relabel),
        validated,
        validated if is_same else split(found.test),
        notes=found.notes,
    )


def read_parts(
    data: PythonData, channels: int
) -> tuple[dict[str, Given], tuple[str, ...] | None]:
    """Return the given images by split, and the names of the classes if given."""
    names = None
    if isinstance(data, Mapping):
        parts = {}
        for key, part in data.items():
            kind = split_of_name(str(key))
            if key == LABELS:
                names = tuple(map(str, cast(Sequence[str], part)))
            elif kind is None or kind in parts:
                raise ValueError(
                    'The keys of `data` must be different ones of "train", '
                    f'"validation", "test" and "labels". Received: {list(data)}'
                )
            else:
                parts[kind] = (part, f"data[{key!r}]")
    else:
        parts = {"train": (data, "data")}
    given = {kind: _given(part, channels, name) for kind, (part, name) in parts.items()}
    return given, names


def _given(part: object, channels: int, source: str) -> Given:
    if isinstance(part, tf.data.Dataset):
        return GivenDataset(part, channels, source)
    if isinstance(part, (tuple, list)) and len(part) == 2:
        images, labels = part
        if not isinstance(images, tuple):  # as ((x, y), (x, y))
            return GivenArrays(images, labels, channels, source)
    raise ValueError(
        f"These are not labelled images; {FORMS}. "
        f"Received: {type(part).__name__} as {source}"
    )


def class_names(
    given: Mapping[str, Given], names: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    """Return the names of the classes: those given, or those of the labels."""
    train = given["train"]
    if names is None and train.names:
        names = tuple(map(str, train.names))
    if names is None and train.labels.dtype.kind == "U":
        names = tuple(np.unique(train.labels).tolist())
    if names is None:
        count = max(
            max(part.classes, int(part.labels.max()) + 1)
            for part in given.values()
            if part.labels.dtype.kind == "i"
        )
        names = tuple(str(number) for number in range(count))
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(
            "There must be two or more classes, with different names. "
            f"Received: {listed(names)}"
        )
    return names


def class_numbers(part: Given, labels: Sequence[str], kind: str) -> Array:
    """Return the number of the class of each image, an int64 array `(n,)`."""
    if part.labels.dtype.kind == "U":
        unknown = sorted(set(part.labels.tolist()) - set(labels))
        if unknown:
            raise ValueError(
                f"Some {kind} images have labels that are not classes; the classes "
                f"are {listed(labels)}. Received: {listed(unknown)}"
            )
        numbers = {label: number for number, label in enumerate(labels)}
        return np.array([numbers[label] for label in part.labels.tolist()], "int64")
    lowest, highest = int(part.labels.min()), int(part.labels.max())
    if lowest < 0 or highest >= len(labels):
        raise ValueError(
            f"Labels must be from 0 to {len(labels) - 1}, the numbers of the classes "
            f"{listed(labels)}. Received: {lowest} to {highest} in the {kind} images"
        )
    return part.labels


def _check_trained(labels: Sequence[str], numbers: Array) -> None:
    trained = set(numbers.tolist())
    absent = [name for number, name in enumerate(labels) if number not in trained]
    if absent:
        raise ValueError(
            "Each class needs training images; number the classes from 0 without "
            f"gaps, or add images. Received: no images of class {listed(absent)}"
        )


def _positions(kind: str, numbers: Array) -> list[File]:
    """Return a name for each image, which `divide` takes for its path."""
    return [(f"{kind} {i}", number) for i, number in enumerate(numbers.tolist())]
