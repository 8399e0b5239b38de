"""Optional outputs of a training: TensorBoard and experiment trackers."""

import dataclasses
from pathlib import Path

import keras
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.recipes.settings import Recipe
from keras_resattn.training.loggers import check_loggers
from keras_resattn.training.loggers import logger_callbacks
from keras_resattn.training.tensorboard import check_tensorboard
from keras_resattn.training.tensorboard import tensorboard_callbacks

TENSORBOARD = "tensorboard"
SHOWN_IMAGES = 4


@dataclasses.dataclass(frozen=True)
class Watch:
    """Choose how to watch a training.

    Attributes:
        tensorboard: Whether to write curves for TensorBoard to the folder
            `tensorboard` of the run (extra `tensorboard`).
        masks_every: The number of epochs after which the attention masks of some
            test images are written for TensorBoard, again and again; 0 means
            never.
        profile_steps: The number of steps to profile for TensorBoard.
        loggers: The names of experiment trackers: `"wandb"`, `"mlflow"` (extras
            with these names).
    """

    tensorboard: bool = False
    masks_every: int = 0
    profile_steps: int = 0
    loggers: tuple[str, ...] = ()

    @property
    def writes_tensorboard(self) -> bool:
        return bool(self.tensorboard or self.masks_every or self.profile_steps)

    def check(self) -> None:
        """Check that the packages are installed and the trackers known.

        Raises:
            ImportError: If a package is missing.
            ValueError: If a tracker is unknown.
        """
        check_loggers(self.loggers)
        if self.writes_tensorboard:
            check_tensorboard()

    def callbacks(
        self,
        folder: Path,
        recipe: Recipe,
        network: keras.Model,
        preprocessing: Preprocessing,
        test: tf.data.Dataset,
    ) -> list[keras.callbacks.Callback]:
        """Return the Keras callbacks.

        Args:
            folder: The path of the run.
            recipe: The `Recipe` of the run.
            network: The `keras.Model` whose masks are written.
            preprocessing: The `keras_resattn.data.Preprocessing` of the network.
            test: A `tf.data.Dataset` of batches of labels and of images that are
                not standardized.
        """
        callbacks = logger_callbacks(self.loggers, recipe.model_dump(mode="json"))
        if not self.writes_tensorboard:
            return callbacks
        images = None
        if self.masks_every:
            batch, _ = next(iter(test))
            images = preprocessing.standardize(batch[:SHOWN_IMAGES]).numpy()
        return callbacks + tensorboard_callbacks(
            folder / TENSORBOARD,
            network,
            images,
            self.masks_every,
            self.profile_steps or None,
        )
