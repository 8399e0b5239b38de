"""Batches for training and evaluation, from labelled images."""

import tensorflow as tf

# Resized images are kept in memory where they take less than this.
CACHE_BYTES = 2**30


def training_batches(
    split, preprocessing, batch_size, seed=0, flip=True, crop_padding=4
):
    """Make shuffled, augmented, standardized batches of whole size.

    Args:
        split: A `Split` of labelled images.
        preprocessing: The network's `Preprocessing`.
        batch_size: Integer, the number of images a batch; smaller only if the
            split is.
        seed: Integer, from which order and augmentation follow.
        flip: Boolean, whether to flip half of the images left to right.
        crop_padding: Integer, by how many pixels to pad each side with zeros
            before a crop of the network's size at a random place.

    Returns:
        A `tf.data.Dataset` of float32 images `(N, H, W, C)` and int64 labels.
    """
    shape = preprocessing.input_shape
    batch_size = min(batch_size, split.count)

    def augment(pair, seeds):
        image, label = pair
        if crop_padding:
            sides = [[crop_padding] * 2, [crop_padding] * 2, [0, 0]]
            image = tf.image.stateless_random_crop(tf.pad(image, sides), shape, seeds)
        if flip:
            image = tf.image.stateless_random_flip_left_right(image, seeds)
        return image, label

    images = _resized(split, preprocessing)
    images = images.shuffle(min(split.count, 10_000), seed=seed)
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    images = tf.data.Dataset.zip(images, seeds.batch(2))
    images = images.map(augment, tf.data.AUTOTUNE)
    images = images.batch(batch_size, drop_remainder=True)
    return _standardized(images, preprocessing)


def evaluation_batches(split, preprocessing, batch_size):
    """Make standardized batches of every image, in order.

    Args:
        split: A `Split` of labelled images.
        preprocessing: The network's `Preprocessing`.
        batch_size: Integer, the number of images a batch, the last but one.

    Returns:
        A `tf.data.Dataset` of float32 images `(N, H, W, C)` and int64 labels.
    """
    images = _resized(split, preprocessing).batch(batch_size)
    return _standardized(images, preprocessing)


def _resized(split, preprocessing):
    def resize(image, label):
        return preprocessing.resize(image), label

    images = split.images.map(resize, tf.data.AUTOTUNE)
    height, width, channels = preprocessing.input_shape
    if split.count * height * width * channels < CACHE_BYTES:
        images = images.cache()
    return images


def _standardized(batches, preprocessing):
    def standardize(images, labels):
        return preprocessing.standardize(images), labels

    return batches.map(standardize, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
