"""A converted model with what the other commands need beside it."""

from pathlib import Path

from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import write_beside
from keras_resattn.recipes.settings import Data
from keras_resattn.recipes.settings import Network
from keras_resattn.recipes.settings import Preprocessing
from keras_resattn.recipes.settings import Recipe

# What torchvision's and pytorchcv's trainings on ImageNet take from and divide
# pixels of 0 to 1 by; here pixels are 0 to 255.
IMAGENET = Preprocessing(
    mean=(255 * 0.485, 255 * 0.456, 255 * 0.406),
    std=(255 * 0.229, 255 * 0.224, 255 * 0.225),
)


def write_model_folder(model, path, labels=None, preprocessing=IMAGENET):
    """Writes a model folder, which every command takes, around a model.

    Example:

    >>> model = convert_pytorchcv("resattnet56.pth", "Attention56")
    >>> write_model_folder(model, "runs/resattnet56").predict(["cat.jpg"])

    Args:
        model: A `keras.Model` from images `(N, H, W, C)` to probabilities.
        path: The folder to make; it must not exist.
        labels: The names of the classes, in the order of the outputs. Defaults
            to their numbers.
        preprocessing: A `keras_resattn.recipes.settings.Preprocessing`: how pixels of 0
            to 255 are standardized. Defaults to that of ImageNet in PyTorch.

    Returns:
        The `ModelFolder`.

    Raises:
        FileExistsError: If there is something at `path`.
        ValueError: If there is not one label a class.
    """
    path, classes = Path(path), model.output_shape[-1]
    labels = [str(i) for i in range(classes)] if labels is None else list(labels)
    if len(labels) != classes:
        raise ValueError(
            f"The model has {classes} classes; give as many labels, one a line. "
            f"Received: {len(labels)} labels"
        )
    if path.exists():
        raise FileExistsError(
            f"There is something already; name a new folder. Received: {path}"
        )
    recipe = Recipe(
        data=Data(name="imagenet2012"),
        network=Network(name=model.name, input_shape=model.input_shape[1:]),
        preprocessing=preprocessing,
    )

    def write(beside):
        beside.mkdir()
        model.save(beside / MODEL)
        (beside / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")
        lines = "".join(f"{label}\n" for label in labels)
        (beside / LABELS).write_text(lines, encoding="utf-8")

    write_beside(path, write)
    return ModelFolder.open(path)
