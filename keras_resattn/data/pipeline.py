"""Batches for training and evaluation, from labelled images."""

import math

import tensorflow as tf

from keras_resattn.data.augmentation import image_augmentation
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.mixing import batch_mixing
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.data.random_seeds import shuffle
from keras_resattn.recipes.settings import Augmentation

# Resized images are kept in memory where they take less than this.
CACHE_BYTES = 2**30


def steps_per_epoch(split: Split, batch_size: int) -> int:
    """Return how many whole batches `training_batches` makes of a split."""
    return max(1, split.count // batch_size)


def training_batches(
    split: Split,
    preprocessing: Preprocessing,
    batch_size: int,
    classes: int,
    augmentation: Augmentation = Augmentation(),  # noqa: B008 it is frozen
    seed: int = 0,
    epochs: int = 1,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Make shuffled, augmented batches of full size: all epochs in one stream.

    Batch k of epoch e follows from the seed, e and k alone: a resumed run gets
    the same batches from `first_epoch` on.

    Example:

    >>> preprocessing = Preprocessing((28, 28, 1))
    >>> data = load("fashion_mnist_sample", preprocessing)
    >>> batches = training_batches(data.train, preprocessing, 64, classes=10)
    >>> len(batches) == steps_per_epoch(data.train, 64) == 156
    True

    Args:
        split: A `Split` of labelled images.
        preprocessing: The network's `Preprocessing`.
        batch_size: Integer, images per batch. It is reduced to the number of
            images of a smaller split.
        classes: Integer, the number of classes.
        augmentation: A `keras_resattn.recipes.settings.Augmentation`.
        seed: Integer, the random seed of order and augmentation.
        epochs: Integer, the number of epochs of the whole run.
        first_epoch: Integer, the epoch to begin with.

    Returns:
        A `tf.data.Dataset` of images `(N, H, W, C)` and float32 labels
        `(N, classes)` whose rows sum to one. Images are pixel values, 0 to 255,
        not standardized. They are uint8 if the pixels were only moved, and
        float32 if they were computed.
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
    split: Split,
    preprocessing: Preprocessing,
    batch_size: int,
    classes: int | None = None,
    standardized: bool = True,
) -> tf.data.Dataset:
    """Make batches of every image, in order.

    Args:
        split: A `Split` of labelled images.
        preprocessing: The network's `Preprocessing`.
        batch_size: Integer, images per batch; the last batch may be smaller.
        classes: Integer, the number of classes, for one-hot labels. Defaults to
            labels as numbers.
        standardized: Boolean, whether to standardize the images.

    Returns:
        A `tf.data.Dataset` of images `(N, H, W, C)` and labels, int64 `(N,)` or
        float32 `(N, classes)`. Standardized images are float32. Others are
        pixel values, 0 to 255: uint8 if they were not resized.
    """

    def finish(images, labels):
        if standardized:
            images = preprocessing.standardize(images)
        return images, labels if classes is None else tf.one_hot(labels, classes)

    images = _resized(split, preprocessing)
    images = images.cache() if _fits(split, images) else images
    batches = images.batch(batch_size).map(finish, tf.data.AUTOTUNE)
    # Without the number of batches, Keras warns when they end.
    count = math.ceil(split.count / batch_size)
    return _delivered(batches.apply(tf.data.experimental.assert_cardinality(count)))


def sample_batches(
    split: Split,
    preprocessing: Preprocessing,
    batch_size: int,
    limit: int | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Make standardized batches of images in a random order, each image once.

    Neighbouring images are of any classes, also in data sets that are sorted by
    class. The first images are a random sample.

    Args:
        split: A `Split` of labelled images.
        preprocessing: The network's `Preprocessing`.
        batch_size: Integer, images per batch; the last batch may be smaller.
        limit: Integer, the largest number of images. Defaults to all.
        seed: Integer, the random seed of the order.

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
    """Return the function from seeds to shuffled pairs, and the one that decodes."""
    resized = _resized(split, preprocessing)
    if augmentation.crop != "resized" and _fits(split, resized):
        cached = resized.cache()
        # One more than the images, so that the first epoch fills the cache.
        return lambda seeds: shuffle(cached, split.count + 1, seeds), tf.identity
    return _shuffled_source(split)


def _shuffled_source(split):
    """Return the function from seeds to shuffled pairs, and the one that decodes."""
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
    """Prefetch batches in their order, and state how devices share them."""
    options = tf.data.Options()
    options.deterministic = True
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)
