"""Attention masks drawn over images, with TensorFlow's operations only."""

import numpy as np
import tensorflow as tf

from keras_resattn.typing import Array

# Every sixteenth colour of viridis (matplotlib, CC0): perceptually uniform.
VIRIDIS = (
    "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c "
    "1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725"
)
OPACITY = 0.5


def color_map() -> Array:
    """Return viridis as a float32 array `(256, 3)` of pixel values."""
    colors = np.array([list(bytes.fromhex(color)) for color in VIRIDIS.split()])
    places = np.append(np.arange(0, 256, 16), 255)
    table = [np.interp(np.arange(256), places, channel) for channel in colors.T]
    return np.stack(table, axis=-1).astype("float32")


def overlay_png(images: tf.Tensor, masks: tf.Tensor) -> tf.Tensor:
    """Return PNGs of masks over images. Dark blue is 0 and yellow is 1.

    Args:
        images: A float32 tensor `(N, H, W, C)` of pixel values, 0 to 255.
        masks: A float32 tensor `(N, h, w)`. Values outside 0 to 1 are clipped.

    Returns:
        A string tensor `(N,)` of PNGs, RGB, `H` x `W`.
    """
    masks = tf.image.resize(masks[..., None], tf.shape(images)[1:3])[..., 0]
    colors = tf.gather(tf.constant(color_map()), _nearest(masks * 255))
    if images.shape[-1] != 3:
        images = tf.repeat(images[..., :1], 3, axis=-1)
    blended = (1 - OPACITY) * images + OPACITY * colors
    pixels = tf.cast(_nearest(blended), tf.uint8)
    return tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)


def _nearest(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(tf.clip_by_value(values, 0, 255)), tf.int32)
