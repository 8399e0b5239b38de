"""Resize images and keep their aspect ratio."""

from collections.abc import Sequence

import tensorflow as tf

from keras_resattn.typing import Tensor


def fit_size(size: Tensor, target: Sequence[int], fills: bool) -> Tensor:
    """Return the height and width of an image that keeps its aspect ratio.

    Args:
        size: An int32 tensor `(2,)`, height and width of the image.
        target: The height and width to fill or to fit into.
        fills: Boolean. If true, both sides are at least those of the target and one
            of them is equal. Otherwise they are at most those of the target.

    Returns:
        An int32 tensor `(2,)`.
    """
    size = tf.cast(size, tf.float64)
    target = tf.constant(target, tf.float64)
    scales = target / size
    scale = tf.reduce_max(scales) if fills else tf.reduce_min(scales)
    fitted = tf.cast(tf.round(size * scale), tf.int32)
    return tf.maximum(fitted, 1)


def resize_and_place(images: Tensor, inner: Tensor, size: Sequence[int]) -> Tensor:
    """Resize images and place them in the middle of others, or crop their middle.

    The result is that of `tf.image.resize` with antialiasing to `inner`, then of
    padding with zeros or a crop of the middle. The parts that the crop removes are not
    computed: a long strip of pixels would otherwise need gigabytes.

    Args:
        images: A tensor `(..., h, w, channels)` of three or four axes.
        inner: An int32 tensor `(2,)`, the height and width to resize to.
        size: The height and width to return.

    Returns:
        A float32 tensor `(..., *size, channels)`.
    """
    is_single = images.shape.rank == 3
    images = images[None] if is_single else images
    scale = tf.cast(inner, tf.float32) / tf.cast(tf.shape(images)[1:3], tf.float32)
    before = (tf.constant(size) - inner) // 2
    placed = tf.raw_ops.ScaleAndTranslate(
        images=images,
        size=size,
        scale=scale,
        translation=tf.cast(before, tf.float32),
        kernel_type="triangle",
        antialias=True,
    )
    placed = tf.ensure_shape(placed, (None, *size, images.shape[-1]))
    return placed[0] if is_single else placed
