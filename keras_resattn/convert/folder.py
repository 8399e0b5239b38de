"""What commands need of a converted model: a model folder, or a file beside it."""

from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path

import keras

from keras_resattn.atomic_writing import write_beside
from keras_resattn.data.class_names import check_class_names
from keras_resattn.keras_file import as_classifier
from keras_resattn.keras_file import write_facts
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import write_model_files
from keras_resattn.recipes.settings import Data
from keras_resattn.recipes.settings import Network
from keras_resattn.recipes.settings import Preprocessing
from keras_resattn.recipes.settings import Recipe
from keras_resattn.typing import StrPath

# The mean and standard deviation of torchvision's and pytorchcv's trainings on
# ImageNet. Theirs are for pixels of 0 to 1, these for pixels of 0 to 255.
IMAGENET = Preprocessing(
    mean=(255 * 0.485, 255 * 0.456, 255 * 0.406),
    std=(255 * 0.229, 255 * 0.224, 255 * 0.225),
)


def write_model_folder(
    model: keras.Model,
    path: StrPath,
    labels: Iterable[str] | None = None,
    preprocessing: Preprocessing = IMAGENET,
) -> ModelFolder:
    """Write a model into a new model folder, which every command accepts.

    Example:

    >>> model = convert_pytorchcv("resattnet56.pth", "Attention56")
    >>> write_model_folder(model, "runs/resattnet56").predict(["cat.jpg"])

    Args:
        model: A `keras.Model` from images `(N, H, W, C)` to probabilities, or to
            logits, after which a softmax is added.
        path: The new folder. It must not exist.
        labels: The names of the classes, in the order of the outputs. Defaults
            to their numbers.
        preprocessing: A `keras_resattn.recipes.settings.Preprocessing`: how to
            standardize pixels, 0 to 255. Defaults to ImageNet's mean and standard
            deviation in PyTorch.

    Returns:
        The `ModelFolder`.

    Raises:
        FileExistsError: If `path` exists.
        ValueError: If there is not one label per class, or two are the same.
    """
    model = as_classifier(model, path)
    path, classes = Path(path), model.output_shape[-1]
    names = [str(i) for i in range(classes)] if labels is None else list(labels)
    check_labels(model, names)
    if path.exists():
        raise FileExistsError(f"This path exists. Name a new folder. Received: {path}")
    recipe = Recipe(
        data=Data(name="imagenet2012"),
        network=Network(name=model.name, input_shape=model.input_shape[1:]),
        preprocessing=preprocessing,
    )

    def write(beside: Path) -> None:
        beside.mkdir()
        write_model_files(beside, model.save, recipe.to_yaml(), names)

    write_beside(path, write)
    return ModelFolder.open(path)


def write_sidecar(
    model: keras.Model,
    path: StrPath,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing = IMAGENET,
) -> Path:
    """Write the labels and the preprocessing of a converted model beside its file.

    Example:

    >>> model = convert_pytorchcv("resattnet56.pth", "Attention56")
    >>> model.save("resattnet56.keras")
    >>> write_sidecar(model, "resattnet56.keras")
    PosixPath('resattnet56.json')

    Args:
        model: The `keras.Model`.
        path: The path of its `.keras` file.
        labels: See `write_model_folder`. By default, the file has no labels.
        preprocessing: See `write_model_folder`.

    Returns:
        The `pathlib.Path` of the file, which commands and `load_model` read.

    Raises:
        ValueError: If there is not one label per class, or two are the same.
    """
    if labels is not None:
        check_labels(model, labels)
    return write_facts(
        path, labels, preprocessing.mean, preprocessing.std, preprocessing.resize
    )


def check_labels(model: keras.Model, labels: Sequence[str]) -> None:
    """Raise a `ValueError` if there is not one label per class, or two are the same."""
    classes = model.output_shape[-1]
    if len(labels) != classes:
        raise ValueError(
            f"The model has {classes} classes. Give one label per class, one per "
            f"line. Received: {len(labels)} labels"
        )
    check_class_names(labels, "labels")
