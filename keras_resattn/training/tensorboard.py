"""Output of a training for TensorBoard: curves, masks, a profile."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_resattn.layers import AlignedResize
from keras_resattn.training.callbacks import Logs
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn.views.masks import attention_masks
from keras_resattn_client.extras import require_extra

# The first steps build graphs and fill buffers.
FIRST_PROFILED_STEP = 4


def check_tensorboard() -> None:
    """Raise an `ImportError` if TensorBoard is not installed."""
    require_extra("tensorboard", "Writing for TensorBoard")


def tensorboard_callbacks(
    folder: StrPath,
    network: keras.Model,
    images: Array | None = None,
    masks_every: int = 0,
    profile_steps: int | None = None,
) -> list[keras.callbacks.Callback]:
    """Return the callbacks that write for TensorBoard (extra `tensorboard`).

    They write the metrics and the learning rate of each epoch, and the graph of
    the model. To view a profile, TensorBoard also needs a plugin:
    `pip install tensorboard-plugin-profile`.

    Example:

    >>> callbacks = tensorboard_callbacks("logs", network, images[:4], masks_every=5)
    >>> model.fit(batches, epochs=30, callbacks=callbacks)  # tensorboard --logdir logs

    Args:
        folder: The path of the folder to write to.
        network: The functional `keras.Model` with the attention modules: the
            model that is trained, or a part of it.
        images: The test images whose masks are written: a float32 array
            `(N, H, W, C)`, standardized for `network`.
        masks_every: The number of epochs between two sets of masks; 0 means no
            masks.
        profile_steps: The number of steps to profile, from the fourth step of
            the training on. The training must have as many. `None` means no
            profile.

    Returns:
        A list of Keras callbacks.

    Raises:
        ImportError: If TensorBoard is not installed.
        ValueError: If masks are wanted, but `network` has no attention module.
    """
    check_tensorboard()
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.TensorBoard(
            folder,
            profile_batch=(
                (FIRST_PROFILED_STEP, FIRST_PROFILED_STEP + profile_steps - 1)
                if profile_steps
                else 0
            ),
        )
    ]
    if masks_every and images is not None:
        callbacks.append(MaskImages(folder, network, images, masks_every))
    return callbacks


class MaskImages(keras.callbacks.Callback):
    """Write the attention masks of some images for TensorBoard.

    Each picture is the mean of a mask over its channels, resized as in the soft
    mask branch. In all epochs black means 0 or less, and white means 1. A mask
    shows which features a module amplifies. It is not evidence for a class.

    Args:
        folder: The path of the folder to write to.
        network: A functional `keras.Model` with attention modules.
        images: A float32 array `(N, H, W, C)`, standardized for `network`.
        every: The number of epochs between two sets of masks.
    """

    def __init__(
        self, folder: StrPath, network: keras.Model, images: Array, every: int
    ) -> None:
        super().__init__()
        self.folder = str(folder)
        self.masks = _mean_masks(network)
        self.images = np.asarray(images, "float32")
        self.every = every

    def on_train_begin(self, logs: Logs = None) -> None:
        self.writer = tf.summary.create_file_writer(f"{self.folder}/masks")
        self._write("images", _stretched(self.images), step=0)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        is_last = epoch + 1 == self.params["epochs"]
        if (epoch + 1) % self.every == 0 or is_last:
            for name, mask in self.masks(self.images, training=False).items():
                self._write(f"masks/{name}", mask, epoch)

    def on_train_end(self, logs: Logs = None) -> None:
        self.writer.close()

    def _write(self, name: str, images: Any, step: int) -> None:
        with self.writer.as_default():
            tf.summary.image(name, images, step, max_outputs=len(images))
        self.writer.flush()


def _mean_masks(network: keras.Model) -> keras.Model:
    """Return a model from images to the mean mask `(N, H, W, 1)` of each module."""
    masks = attention_masks(network)
    images = masks.inputs[0]
    channels = 1 if keras.config.image_data_format() == "channels_first" else -1
    resize = AlignedResize(dtype="float32")
    means = {
        name: resize([keras.ops.mean(mask, channels, keepdims=True), images])
        for name, mask in masks.output.items()
    }
    return keras.Model(images, means)


def _stretched(images: Array) -> Array:
    """Return standardized images with their values stretched to 0 to 1."""
    low, high = images.min(), images.max()
    images = (images - low) / max(high - low, 1e-7)
    # TensorBoard shows grey, RGB and RGBA images.
    return images if images.shape[-1] in (1, 3) else images[..., :1]
