"""Batches for training and evaluation, from labelled images."""

import math

import tensorflow as tf

from keras_resattn.data.augmentation import image_augmentation
from keras_resattn.data.mixing import batch_mixing
from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.data.random_seeds import shuffle
from keras_resattn.recipes.settings import Augmentation

# Resized images are kept in memory where they take less than this.
CACHE_BYTES = 2**30


def steps_per_epoch(split, batch_size):
    """Return how many whole batches `training_batches` makes of a split."""
    return max(1, split.count // batch_size)


def training_batches(
    split,
    preprocessing,
    batch_size,
    classes,
    augmentation=Augmentation(),  # noqa: B008 it is frozen
    seed=0,
    epochs=1,
    first_epoch=0,
):
    """Make shuffled, augmented batches of whole size: all epochs in one stream.

    Batch k of epoch e follows from the seed, e and k alone: a run that was cut
    short goes on with the same batches from `first_epoch`.

    Example:

    >>> preprocessing = Preprocessing((28, 28, 1))
    >>> data = load("fashion_mnist_sample", preprocessing)
    >>> batches = training_batches(data.train, preprocessing, 64, classes=10)
    >>> len(batches) == steps_per_epoch(data.train, 64) == 156
    True

    Args:
        split: A `Split` of labelled images.
        preprocessing: The network's `Preprocessing`.
        batch_size: Integer, the number of images a batch; smaller only if the
            split is.
        classes: Integer, the number of classes.
        augmentation: A `keras_resattn.recipes.settings.Augmentation`.
        seed: Integer, from which order and augmentation follow.
        epochs: Integer, the epoch to end before.
        first_epoch: Integer, the epoch to begin with.

    Returns:
        A `tf.data.Dataset` of images `(N, H, W, C)` and float32 labels
        `(N, classes)` whose rows sum to one. Images are pixel values, 0 to 255,
        not standardized: uint8 while nothing made fractions of them, else
        float32.
    """
    batch_size = min(batch_size, split.count)
    steps = steps_per_epoch(split, batch_size)
    shuffled, decode = _training_source(split, preprocessing, augmentation)
    augment = image_augmentation(augmentation, preprocessing, decode)
    mix = batch_mixing(augmentation)

    def one_epoch(epoch):
        seeds = seeds_of(seed, epoch)
        numbers = tf.data.Dataset.range(steps * batch_size)
        epoch_seeds = tf.data.Dataset.from_tensors(seeds).repeat()
        return tf.data.Dataset.zip(shuffled(seeds), epoch_seeds, numbers)

    def vary(example, epoch_seeds, number):
        content, label = example
        seeds = seeds_of(epoch_seeds, number)
        return augment(content, seeds), tf.one_hot(label, classes), seeds

    def finish(images, labels, seeds):
        return mix(images, labels, seeds_of(seeds[0], 0)) if mix else (images, labels)

    batches = (
        tf.data.Dataset.range(first_epoch, epochs)
        .flat_map(one_epoch)
        .map(vary, tf.data.AUTOTUNE)
        .batch(batch_size, drop_remainder=True)
        .map(finish, tf.data.AUTOTUNE)
    )
    count = steps * max(0, epochs - first_epoch)
    return _delivered(batches.apply(tf.data.experimental.assert_cardinality(count)))


def evaluation_batches(
    split, preprocessing, batch_size, classes=None, standardized=True
):
    """Make batches of every image, in order.

    Args:
        split: A `Split` of labelled images.
        preprocessing: The network's `Preprocessing`.
        batch_size: Integer, the number of images a batch, the last but one.
        classes: Integer, the number of classes, for one-hot labels. Defaults to
            labels as numbers.
        standardized: Boolean, whether to standardize the images.

    Returns:
        A `tf.data.Dataset` of images `(N, H, W, C)` and labels, int64 `(N,)` or
        float32 `(N, classes)`. Images are float32; if not standardized, they
        are pixel values, 0 to 255, uint8 while nothing made fractions of them.
    """

    def finish(images, labels):
        if standardized:
            images = preprocessing.standardize(images)
        return images, labels if classes is None else tf.one_hot(labels, classes)

    images = _resized(split, preprocessing)
    images = images.cache() if _fits(split, images) else images
    batches = images.batch(batch_size).map(finish, tf.data.AUTOTUNE)
    # Else Keras would not know when to end, and warn of the end as of a fault.
    count = math.ceil(split.count / batch_size)
    return _delivered(batches.apply(tf.data.experimental.assert_cardinality(count)))


def sample_batches(split, preprocessing, batch_size, limit=None, seed=0):
    """Make standardized batches of images in a random order, each image once.

    Neighbours are then of any classes, also in data sets that are sorted by
    class, and the first of them are a random sample.

    Args:
        split: A `Split` of labelled images.
        preprocessing: The network's `Preprocessing`.
        batch_size: Integer, the number of images a batch, the last but one.
        limit: Integer, the largest number of images. Defaults to all.
        seed: Integer, from which the order follows.

    Returns:
        A `tf.data.Dataset` of float32 images `(N, H, W, C)` and int64 labels
        `(N,)`.
    """
    count = split.count if limit is None else min(limit, split.count)
    shuffled, decode = _shuffled_source(split)

    def finish(content, label):
        image = preprocessing.resize(decode(content))
        return preprocessing.standardize(image), label

    batches = (
        tf.data.Dataset.from_tensors(seeds_of(seed))
        .flat_map(shuffled)
        .take(count)
        .map(finish, tf.data.AUTOTUNE)
        .batch(batch_size)
    )
    steps = math.ceil(count / batch_size)
    return _delivered(batches.apply(tf.data.experimental.assert_cardinality(steps)))


def _training_source(split, preprocessing, augmentation):
    """Return the function from seeds to shuffled pairs, and that which decodes."""
    resized = _resized(split, preprocessing)
    if augmentation.crop != "resized" and _fits(split, resized):
        cached = resized.cache()
        # One more than there are: the first epoch reads to the end of the cache.
        return lambda seeds: shuffle(cached, split.count + 1, seeds), tf.identity
    return _shuffled_source(split)


def _shuffled_source(split):
    """Return the function from seeds to shuffled pairs, and that which decodes."""
    if split.encoded:
        return split.encoded, split.decode
    return lambda seeds: shuffle(split.images, 10_000, seeds), split.decode


def _resized(split, preprocessing):
    def resize(image, label):
        return preprocessing.resize(image), label

    return split.images.map(resize, tf.data.AUTOTUNE)


def _fits(split, images):
    image, _ = images.element_spec
    return split.count * image.shape.num_elements() * image.dtype.size < CACHE_BYTES


def _delivered(batches):
    """Prefetch batches, in their order, and say how devices share them."""
    options = tf.data.Options()
    options.deterministic = True
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)
