"""What TensorBoard shows of a training: curves, masks, a profile."""

import importlib.util

import keras
import numpy as np
import tensorflow as tf

from keras_resattn.layers import AlignedResize
from keras_resattn.views.masks import attention_masks

# The first steps build graphs and fill buffers.
FIRST_PROFILED_STEP = 4


def tensorboard_callbacks(
    folder, network, images=None, masks_every=0, profile_steps=None
):
    """Return the callbacks that write for TensorBoard (extra `tensorboard`).

    They write the metrics of each epoch with the learning rate, and the
    model's graph. To view a profile, TensorBoard needs its plugin as well:
    `pip install tensorboard-plugin-profile`.

    Example:

    >>> callbacks = tensorboard_callbacks("logs", network, images[:4], masks_every=5)
    >>> model.fit(batches, epochs=30, callbacks=callbacks)  # tensorboard --logdir logs

    Args:
        folder: The path of the folder to write to.
        network: The functional `keras.Model` with the attention modules: the
            model that is trained, or a part of it.
        images: Test images to show the masks of: a float32 array
            `(N, H, W, C)`, standardized as `network` takes them.
        masks_every: Integer, after how many epochs to write the masks. 0 for
            never.
        profile_steps: Integer, how many steps to profile, from the fourth of
            the training on, which must have them. `None` for no profile.

    Returns:
        A list of Keras callbacks.

    Raises:
        ImportError: If TensorBoard is not installed.
        ValueError: If `network` has no attention module, but masks are wanted.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ImportError(
            "Curves, masks and profiles in TensorBoard need the package tensorboard: "
            'pip install "keras-resattn[tensorboard]"'
        )
    callbacks = [
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

    Each is the mean of its mask over the channels, resized as the soft mask
    branch does: black is 0 (or less), white is 1, the same in all epochs. A
    mask tells which features a module amplifies; it is no evidence for a class.

    Args:
        folder: The path of the folder to write to.
        network: A functional `keras.Model` with attention modules.
        images: A float32 array `(N, H, W, C)`, standardized for `network`.
        every: Integer, after how many epochs.
    """

    def __init__(self, folder, network, images, every):
        super().__init__()
        self.folder = str(folder)
        self.masks = _mean_masks(network)
        self.images = np.asarray(images, "float32")
        self.every = every

    def on_train_begin(self, logs=None):
        self.writer = tf.summary.create_file_writer(f"{self.folder}/masks")
        self._write("images", _stretched(self.images), step=0)

    def on_epoch_end(self, epoch, logs=None):
        is_last = epoch + 1 == self.params["epochs"]
        if (epoch + 1) % self.every == 0 or is_last:
            for name, mask in self.masks(self.images, training=False).items():
                self._write(f"masks/{name}", mask, epoch)

    def on_train_end(self, logs=None):
        self.writer.close()

    def _write(self, name, images, step):
        with self.writer.as_default():
            tf.summary.image(name, images, step, max_outputs=len(images))
        self.writer.flush()


def _mean_masks(network):
    """Return a model: images -> the mean mask `(N, H, W, 1)` of each module."""
    masks = attention_masks(network)
    images = masks.inputs[0]
    channels = 1 if keras.config.image_data_format() == "channels_first" else -1
    resize = AlignedResize(dtype="float32")
    means = {
        name: resize([keras.ops.mean(mask, channels, keepdims=True), images])
        for name, mask in masks.output.items()
    }
    return keras.Model(images, means)


def _stretched(images):
    """Return standardized images with their values stretched over 0 to 1."""
    low, high = images.min(), images.max()
    images = (images - low) / max(high - low, 1e-7)
    # TensorBoard shows grey, RGB and RGBA.
    return images if images.shape[-1] in (1, 3) else images[..., :1]
