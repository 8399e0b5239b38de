"""The folder that a run leaves and every other command takes."""

import csv
import dataclasses
import functools
import json
import re
import shutil
import textwrap
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np

from keras_resattn.data import LabelledImages
from keras_resattn.data import Preprocessing
from keras_resattn.data import load
from keras_resattn.data.given_images import Images
from keras_resattn.data.given_images import as_list
from keras_resattn.data.given_images import pixels_of
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.recipes.files import load_recipe
from keras_resattn.recipes.settings import Recipe
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn.views.inputs import HIGHEST_STANDARDIZED
from keras_resattn.weights import weights_info
from keras_resattn.weights.table import FOLDER as WEIGHTS
from keras_resattn.weights.table import locate
from keras_resattn.zoo import create_model

MODEL = "model.keras"
RECIPE = "recipe.yaml"
LABELS = "labels.txt"
METRICS = "metrics.csv"
EVALUATION = "evaluation.json"
ENVIRONMENT = "environment.json"
SKIPPED = "skipped.txt"
CARD = "card.md"
# The data set in the recipe of a model that was not trained with a recipe.
UNKNOWN_DATA = "unknown"
OWN_LAYERS = (
    "For a layer of your own, register its class with "
    "keras.saving.register_keras_serializable, and import its module first. If the "
    "recipe names it as module:Class, allow the import: --allow-code. "
)


@dataclasses.dataclass(frozen=True)
class ModelFolder:
    """A trained model with what is needed to use it.

    It holds `model.keras`, `recipe.yaml`, `labels.txt`, `metrics.csv`,
    `environment.json` and `card.md`.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> probabilities = folder.predict(["shirt.png"])  # (1, classes)
    >>> folder.labels[probabilities[0].argmax()]
    'Shirt'
    """

    path: Path

    @classmethod
    def open(cls, path: StrPath) -> "ModelFolder":
        """Return the model folder at `path`.

        Raises:
            FileNotFoundError: If it or one of its files is missing.
        """
        folder = cls(Path(path))
        if folder.path.is_file():
            raise ValueError(
                "This is a file and not a model. Name the model first: a model folder, "
                "a .keras file, or the name of weights, such as cifar10. "
                f"Received: {path}"
            )
        missing = [
            name
            for name in (MODEL, RECIPE, LABELS)
            if not (folder.path / name).is_file()
        ]
        if missing:
            raise FileNotFoundError(
                f"This is not a model folder. It lacks {', '.join(missing)}. "
                "`keras-resattn train RECIPE --out FOLDER` makes one. "
                f"Received: {path}"
            )
        return folder

    @functools.cached_property
    def recipe(self) -> Recipe:
        """The `Recipe` of the run."""
        return load_recipe(self.path / RECIPE, to_build=False)

    @functools.cached_property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the model's outputs."""
        return tuple((self.path / LABELS).read_text(encoding="utf-8").splitlines())

    @functools.cached_property
    def preprocessing(self) -> Preprocessing:
        """The `keras_resattn.data.Preprocessing` of the run."""
        return preprocessing_of(self.recipe)

    @functools.cached_property
    def usual_confidence(self) -> float | None:
        """The probability that 95 % of the test images reach for their predicted class.

        `None` if the model was not evaluated.
        """
        path = self.path / EVALUATION
        if not path.is_file():
            return None
        return json.loads(path.read_text("utf-8")).get("usual_confidence")

    @functools.cached_property
    def model(self) -> keras.Model:
        """The trained `keras.Model`."""
        model = load_network(self.path / MODEL)
        if model.output_shape[-1] != len(self.labels):
            raise ValueError(
                f"The model has {model.output_shape[-1]} outputs, but {LABELS} has "
                f"{len(self.labels)} lines. Received: {self.path}"
            )
        return marked(model, self.recipe)

    def images(self, images: Images) -> Array:
        """Return images at the network's size.

        Args:
            images: A path of a PNG, JPEG, GIF, BMP or WebP file, a PIL image, an
                array of pixel values, 0 to 255, or a list of these. An array has
                one image `(h, w, C)` or a batch `(N, h, w, C)`.

        Returns:
            A float32 array `(N, H, W, C)` of pixel values, 0 to 255.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If a file is not a readable image, or an array does not hold
                pixel values. The message names the first one and has the reason.
        """
        return pixels_of(images, self.preprocessing)

    def labelled_images(
        self, name: StrPath | None = None, data_dir: StrPath | None = None
    ) -> LabelledImages:
        """Load labelled images of the model's classes.

        Args:
            name: The path of a folder of class folders, or the name of a data
                set, see `keras_resattn.data.load`. Defaults to the recipe's.
            data_dir: The folder of tensorflow-datasets. Defaults to the
                recipe's.

        Returns:
            `keras_resattn.data.LabelledImages`.

        Raises:
            FileNotFoundError: If there is no such folder or data set.
            ValueError: If their classes are not those of the model.
        """
        if name is None:
            self.check_data()
        given = {"name": name, "data_dir": data_dir}
        given = {key: str(value) for key, value in given.items() if value is not None}
        settings = self.recipe.data.model_copy(update=given)
        data = load(settings, self.preprocessing, self.recipe.seed)
        if data.labels != self.labels:
            raise ValueError(
                f"The model's classes are not those of '{data.name}'. "
                f"Received: {list(data.labels)} in place of {list(self.labels)}"
            )
        return data

    def check_data(self) -> None:
        """Raise a `ValueError` if the data of the training are unknown."""
        if self.recipe.data.name == UNKNOWN_DATA:
            raise ValueError(
                "It is not known with which data this model was trained. Name a data "
                f"set or a folder of images. Received: the model {self.path.name!r} "
                "and no data"
            )

    def predict(self, images: Images, batch_size: int = 32) -> Array:
        """Classify images.

        Args:
            images: Paths, PIL images or arrays of pixels: see `images`.
            batch_size: Integer, the number of images per batch.

        Returns:
            A float32 array `(N, classes)` of probabilities.

        Raises:
            ValueError: If an image cannot be read, or `batch_size` is not positive.
        """
        images, batch_size = as_list(images), positive_integer("batch_size", batch_size)
        starts = range(0, max(1, len(images)), batch_size)
        return np.concatenate(
            [self._predicted(images[start : start + batch_size]) for start in starts]
        )

    def _predicted(self, images: Images) -> Array:
        standardized = self.preprocessing.standardize(self.images(images))
        # Keras on JAX does not take TensorFlow's tensors.
        return self.model.predict_on_batch(np.asarray(standardized))


def marked(model: keras.Model, recipe: Recipe) -> keras.Model:
    """Return a model, marked if its inputs look like pixels that are not standardized.

    `keras_resattn.explain` refuses such inputs from a caller who forgot to standardize
    them.
    """
    white = preprocessing_of(recipe).standardize(np.full((1, 1, 1, 1), 255.0))
    model.takes_pixels = bool(np.max(white) > HIGHEST_STANDARDIZED)
    return model


def load_network(path: Path) -> keras.Model:
    """Load a Keras file; raise a `ValueError` with the reason if this fails."""
    try:
        return keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, OSError) as error:
        unknown = re.search(r"Could not locate class '([^']+)'", str(error))
        if unknown:
            reason = f"Keras does not know its class '{unknown[1]}'. {OWN_LAYERS}"
        else:
            reason = f"{textwrap.shorten(str(error), 200, placeholder=' ...')} "
        raise ValueError(
            f"This file cannot be loaded as a model: {reason}Received: {path}"
        ) from error


def read_metrics(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file `metrics.csv`, a dictionary per epoch.

    Epochs are counted from 1. Files of version 0.1.0 count from 0; their epochs are
    shifted.

    Args:
        path: The path of the file. It may be missing.
    """
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    shift = int(bool(rows) and int(rows[0]["epoch"]) == 0)
    return [{**row, "epoch": str(int(row["epoch"]) + shift)} for row in rows]


def preprocessing_of(recipe: Recipe) -> Preprocessing:
    """Return the preprocessing that a recipe states."""
    settings = recipe.preprocessing
    return Preprocessing(
        recipe.network.input_shape, settings.mean, settings.std, settings.resize
    )


def make_model_folder(network: str, weights: str, path: StrPath) -> ModelFolder:
    """Make a model folder from weights of the package.

    Example:

    >>> folder = make_model_folder("cifar_attention56", "cifar10", "runs/cifar10")
    >>> folder.labels[3]
    'cat'

    Args:
        network: String, a name in `keras_resattn.list_models()`.
        weights: String, a name in `keras_resattn.weights.list_weights(network)`.
        path: The folder to make. Files in an existing folder are replaced.

    Returns:
        The `ModelFolder`.

    Raises:
        ValueError: If there are no such weights.
    """
    path, info = Path(path), weights_info(network, weights)
    model = create_model(
        network,
        weights=locate(info),
        input_shape=info.input_shape,
        classes=info.classes,
        **info.arguments,
    )
    path.mkdir(parents=True, exist_ok=True)
    source = WEIGHTS / info.folder
    recipe = (source / RECIPE).read_text(encoding="utf-8")
    write_model_files(path, model.save, recipe, info.labels)
    for name in (METRICS, EVALUATION):
        if (source / name).is_file():
            shutil.copy(source / name, path / name)
    return ModelFolder.open(path)


def write_model_files(
    folder: Path,
    save: Callable[[Path], object],
    recipe: str,
    labels: Iterable[str],
) -> None:
    """Write the files into a folder that make it a model folder.

    Args:
        folder: An existing folder.
        save: A function that writes the model to the path that it receives.
        recipe: The recipe as YAML.
        labels: The names of the classes, in the order of the outputs.
    """
    save(folder / MODEL)
    (folder / RECIPE).write_text(recipe, encoding="utf-8")
    lines = "".join(f"{label}\n" for label in labels)
    (folder / LABELS).write_text(lines, encoding="utf-8")
