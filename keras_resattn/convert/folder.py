"""Write a converted model into a model folder, which every command accepts."""

from collections.abc import Iterable
from pathlib import Path

import keras

from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import write_beside
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
        model: A `keras.Model` from images `(N, H, W, C)` to probabilities.
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
        ValueError: If there is not one label per class.
    """
    path, classes = Path(path), model.output_shape[-1]
    names = [str(i) for i in range(classes)] if labels is None else list(labels)
    if len(names) != classes:
        raise ValueError(
            f"The model has {classes} classes. Give one label per class, one per "
            f"line. Received: {len(names)} labels"
        )
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
