"""The data of a training: its images and the batches of its steps."""

import dataclasses
import math
import os
from collections.abc import Mapping

import tensorflow as tf

from keras_resattn.data import LabelledImages
from keras_resattn.data import Preprocessing
from keras_resattn.data import PythonData
from keras_resattn.data import check_readable
from keras_resattn.data import evaluation_batches
from keras_resattn.data import load
from keras_resattn.data import load_python_data
from keras_resattn.data import relabel_of
from keras_resattn.data import steps_per_epoch
from keras_resattn.data import training_batches
from keras_resattn.model_folder import preprocessing_of
from keras_resattn.recipes.settings import FROM_PYTHON
from keras_resattn.recipes.settings import Recipe
from keras_resattn.training.class_weights import class_weights
from keras_resattn.training.class_weights import weighted
from keras_resattn.training.distribution import Strategy
from keras_resattn.training.distribution import check_batch_size
from keras_resattn.training.distribution import count_replicas
from keras_resattn.training.distribution import test_batch_size
from keras_resattn.training.multi_worker import whole_batches
from keras_resattn.typing import StrPath


@dataclasses.dataclass(frozen=True)
class Job:
    """A training's recipe, with the batch size that is used, and its images."""

    recipe: Recipe
    data: LabelledImages
    preprocessing: Preprocessing
    strategy: Strategy

    @property
    def batch_size(self) -> int:
        return self.recipe.train.batch_size

    @property
    def classes(self) -> int:
        return len(self.data.labels)

    @property
    def steps(self) -> int:
        """The number of steps per epoch."""
        return self.recipe.train.steps_per_epoch or self._steps_per_pass

    @property
    def _steps_per_pass(self) -> int:
        """The number of steps in which every image is used once."""
        return steps_per_epoch(self.data.train, self.batch_size)

    def training_batches(self, first_epoch: int) -> tf.data.Dataset:
        """Return the batches of all epochs from the first one on."""
        # The stream passes through all images again and again, however many steps
        # an epoch has.
        passes, rest = divmod(first_epoch * self.steps, self._steps_per_pass)
        settings = self.recipe.train
        batches = training_batches(
            self.data.train,
            self.preprocessing,
            self.batch_size,
            self.classes,
            self.recipe.augmentation,
            self.recipe.seed,
            math.ceil(settings.epochs * self.steps / self._steps_per_pass),
            passes,
        )
        if rest:
            batches = batches.skip(rest)
        if settings.class_weights is None:
            return batches
        weights = class_weights(
            settings.class_weights, self.data.train, self.data.labels
        )
        return weighted(batches, weights)

    def validation_batches(self) -> tf.data.Dataset:
        """Return the batches of all validation images, for one device."""
        split = self.data.validation
        return evaluation_batches(
            split,
            self.preprocessing,
            test_batch_size(self.strategy, self.batch_size, split.count),
            self.classes,
            standardized=False,
        )

    def whole_validation_batches(self) -> tf.data.Dataset:
        """Return the batches of all validation images, for all devices."""
        return whole_batches(self.validation_batches(), self.batch_size, self.strategy)


def make_job(
    recipe: Recipe, strategy: Strategy, given: PythonData | None = None
) -> Job:
    """Load the images of a recipe, and check them and the batch size.

    Args:
        recipe: A `Recipe`.
        strategy: The result of `choose_strategy`.
        given: Images that replace those of the recipe.

    Raises:
        FileNotFoundError: If the images do not exist.
        ValueError: If images cannot be read, or the devices cannot share a batch
            equally.
    """
    preprocessing = preprocessing_of(recipe)
    if given is None:
        data = load(recipe.data, preprocessing, recipe.seed)
    else:
        data = load_python_data(
            given,
            preprocessing,
            recipe.data.validation,
            recipe.seed,
            relabel_of(recipe.data, recipe.seed),
        )
    batch_size = min(recipe.train.batch_size, data.train.count)
    check_batch_size(batch_size, count_replicas(strategy))
    if recipe.data.on_error == "stop":
        check_readable(data, preprocessing)
    if isinstance(recipe.train.class_weights, Mapping):  # or an error
        class_weights(recipe.train.class_weights, data.train, data.labels)
    settings = recipe.train.model_copy(update={"batch_size": batch_size})
    recipe = recipe.model_copy(update={"train": settings})
    return Job(recipe, data, preprocessing, strategy)


def check_source(recipe: Recipe, data: PythonData | None, out: StrPath) -> None:
    """Raise an error if a run must be resumed with other images.

    Args:
        recipe: The recipe of the run.
        data: Images that were given, or `None`.
        out: The model folder of the run.
    """
    if data is not None and recipe.data.name != FROM_PYTHON:
        raise ValueError(
            f"This run has its images from '{recipe.data.name}'; resume it without "
            f"`data`. Received: data={type(data).__name__} for {out}"
        )
    if data is None and recipe.data.name == FROM_PYTHON:
        raise ValueError(
            "The images of this run were given in Python, and the run does not store "
            "them. Resume it in Python with the same images: fit(None, "
            f"{os.fspath(out)!r}, resume=True, data=...). Received: data=None"
        )


def with_given_data(recipe: Recipe) -> Recipe:
    """Return a recipe whose images were given as an argument."""
    named = recipe.data.model_copy(update={"name": FROM_PYTHON, "data_dir": None})
    return recipe.model_copy(update={"data": named})
