"""What is shown of a training beside its progress bar, if it is asked for."""

import dataclasses

from keras_resattn.training.loggers import logger_callbacks
from keras_resattn.training.tensorboard import tensorboard_callbacks

TENSORBOARD = "tensorboard"
SHOWN_IMAGES = 4


@dataclasses.dataclass(frozen=True)
class Watch:
    """How to watch a training.

    Attributes:
        tensorboard: Boolean, whether to write curves for TensorBoard, into the
            folder `tensorboard` of the run (extra `tensorboard`).
        masks_every: Integer, after how many epochs to write the attention
            masks of some test images for TensorBoard; 0 for never.
        profile_steps: Integer, how many steps to profile for TensorBoard.
        loggers: Names of trackers: `"wandb"`, `"mlflow"` (extras of these
            names).
    """

    tensorboard: bool = False
    masks_every: int = 0
    profile_steps: int = 0
    loggers: tuple[str, ...] = ()

    def callbacks(self, folder, recipe, network, preprocessing, test):
        """Return the Keras callbacks.

        Args:
            folder: The `pathlib.Path` of the run.
            recipe: The `Recipe`.
            network: The `keras.Model` whose masks are shown.
            preprocessing: Its `keras_resattn.data.Preprocessing`.
            test: A `tf.data.Dataset` of batches of images that are not
                standardized, and labels.
        """
        callbacks = logger_callbacks(self.loggers, recipe.model_dump(mode="json"))
        if not (self.tensorboard or self.masks_every or self.profile_steps):
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
