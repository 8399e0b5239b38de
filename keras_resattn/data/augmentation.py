"""Augment one training image. All randomness follows from the given seeds."""

from collections.abc import Callable

import tensorflow as tf

from keras_resattn.data.decoding import with_channels
from keras_resattn.data.formats import jpeg
from keras_resattn.data.formats.ordinary import is_ordinary_jpeg
from keras_resattn.data.image_header import MAX_PIXELS
from keras_resattn.data.layer_augmentation import random_erasing
from keras_resattn.data.layer_augmentation import random_rotation
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.rand_augment import RandAugment
from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.recipes.settings import Augmentation
from keras_resattn.typing import Tensor

ASPECT_RATIOS = (3 / 4, 4 / 3)


def image_augmentation(
    settings: Augmentation,
    preprocessing: Preprocessing,
    decode: Callable[[Tensor], Tensor],
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the function that makes a training image from an image of a split.

    Args:
        settings: A `keras_resattn.recipes.settings.Augmentation`.
        preprocessing: The network's `Preprocessing`.
        decode: The function of the split from bytes (or an image) to an image.

    Returns:
        A function of the bytes (or the image) and int64 seeds `(2,)`. It
        returns an image `(H, W, C)` of pixel values, 0 to 255. They are uint8 if
        all of them are integers, otherwise float32.
    """
    channels = preprocessing.input_shape[-1]
    # Antialiasing does the rest of the resizing. Without it, the full size is needed.
    least = 2 * max(preprocessing.input_shape[:2]) if settings.antialias else None
    rand_augment = settings.rand_augment and RandAugment(settings.rand_augment)
    rotate = settings.rotation and random_rotation(settings.rotation)
    erase = settings.random_erasing and random_erasing(settings.random_erasing)

    def augment(content: Tensor, seeds: Tensor) -> Tensor:
        crop, side, color, rand = tf.unstack(
            tf.random.experimental.stateless_split(seeds, 4)
        )
        if settings.crop == "resized":
            image = crop_area(
                content, settings.crop_area, channels, decode, crop, least
            )
            image = preprocessing.squash(image, settings.antialias)
        else:
            image = preprocessing.resize(decode(content))
        if settings.crop == "pad" and settings.crop_padding:
            image = crop_padded(image, settings.crop_padding, crop)
        if settings.flip:
            image = tf.image.stateless_random_flip_left_right(image, side)
        # Seeds of their own, so that the others stay the same without these.
        if settings.vertical_flip:
            image = tf.image.stateless_random_flip_up_down(image, seeds_of(seeds, 1))
        if rotate:
            image = rotate(image, seeds_of(seeds, 2))
        if settings.color_jitter:
            image = jitter_colors(image, settings.color_jitter, color)
        if rand_augment:
            image = rand_augment(image, rand)
        if erase:
            image = erase(image, seeds_of(seeds, 3))
        return tf.ensure_shape(image, preprocessing.input_shape)

    return augment


def crop_padded(image: Tensor, padding: int, seeds: Tensor) -> Tensor:
    """Pad each side with zeros, then crop the original size at a random place."""
    sides = [[padding] * 2, [padding] * 2, [0, 0]]
    return tf.image.stateless_random_crop(tf.pad(image, sides), image.shape, seeds)


def crop_area(
    content: Tensor,
    area: tuple[float, float],
    channels: int,
    decode: Callable[[Tensor], Tensor],
    seeds: Tensor,
    least: int | None = None,
) -> Tensor:
    """Crop a part of random area and aspect ratio (from 3:4 to 4:3).

    Most JPEGs are decoded only in this part.

    Args:
        content: A string tensor, the bytes of an image, or the image.
        area: The least and the largest share of the image's area.
        channels: Integer, the number of channels to decode.
        decode: A function from `content` to an image.
        seeds: An int64 tensor `(2,)`.
        least: Integer, how many pixels the shorter side of the part keeps at least,
            where a JPEG is decoded at a half, a quarter or an eighth of its size.
            Defaults to the full size.

    Returns:
        The uint8 part `(h, w, channels)` of the image.
    """

    def window(shape: Tensor) -> tuple[Tensor, Tensor]:
        begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            shape,
            tf.zeros((1, 0, 4)),
            seeds,
            min_object_covered=0.0,
            aspect_ratio_range=ASPECT_RATIOS,
            area_range=area,
            use_image_if_no_bounding_boxes=True,
        )
        return begin, size

    def decode_part() -> Tensor:
        begin, size = window(tf.image.extract_jpeg_shape(content))
        window_in_image = tf.concat([begin[:2], size[:2]], axis=0)
        scale = jpeg.scale_for(size[:2], least)
        part = jpeg.decode_part(content, window_in_image, scale)
        return with_channels(part, channels)

    def decode_all() -> Tensor:
        image = decode(content)
        return tf.slice(image, *window(tf.shape(image)))

    if content.dtype != tf.string or channels not in (1, 3):
        return decode_all()
    part = tf.cond(is_ordinary_jpeg(content, MAX_PIXELS), decode_part, decode_all)
    return tf.ensure_shape(part, (None, None, channels))


def jitter_colors(image: Tensor, strength: float, seeds: Tensor) -> Tensor:
    """Vary brightness and contrast, and the saturation of a colour image.

    Args:
        image: An image `(h, w, channels)` of pixel values, 0 to 255.
        strength: Float below 1. Brightness changes by up to this share of the
            range of pixel values. Contrast and saturation are multiplied by
            `1 - strength` to `1 + strength`.
        seeds: An int64 tensor `(2,)`.

    Returns:
        A float32 image of pixel values, 0 to 255.
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seeds, 3))
    factors = (1 - strength, 1 + strength)
    image = tf.cast(image, tf.float32) / 255
    image = tf.image.stateless_random_brightness(image, strength, seeds[0])
    image = tf.image.stateless_random_contrast(image, *factors, seeds[1])
    image = tf.clip_by_value(image, 0, 1)
    if image.shape[-1] == 3:
        image = tf.image.stateless_random_saturation(image, *factors, seeds[2])
    return tf.clip_by_value(image, 0, 1) * 255
