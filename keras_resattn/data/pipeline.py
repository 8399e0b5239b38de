"""Make batches for training and evaluation from labelled images."""

import math
from collections.abc import Callable

import tensorflow as tf

from keras_resattn.data.augmentation import image_augmentation
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.mixing import batch_mixing
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.data.random_seeds import shuffle
from keras_resattn.recipes.settings import Augmentation
from keras_resattn.typing import Tensor

Shuffled = Callable[[Tensor], tf.data.Dataset]

# Resized images are kept in memory if they need less than this.
CACHE_BYTES = 2**30


def steps_per_epoch(split: Split, batch_size: int) -> int:
    """Return the number of whole batches per epoch of `training_batches`."""
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
    """Make shuffled, augmented batches of equal size for all epochs.

    Batch k of epoch e depends only on the seed, e and k. So a resumed run gets the
    same batches from `first_epoch` on.

    Example:

    >>> preprocessing = Preprocessing((28, 28, 1))
    >>> data = load("fashion_mnist_sample", preprocessing)
    >>> batches = training_batches(data.train, preprocessing, 64, classes=10)
    >>> len(batches) == steps_per_epoch(data.train, 64) == 156
    True

    Args:
        split: A `Split` of labelled images.
        preprocessing: The network's `Preprocessing`.
        batch_size: Integer, the number of images per batch. If the split has
            fewer images, its number of images.
        classes: Integer, the number of classes.
        augmentation: A `keras_resattn.recipes.settings.Augmentation`.
        seed: Integer, the random seed of order and augmentation.
        epochs: Integer, the number of epochs of the whole training.
        first_epoch: Integer, the epoch to begin with, counted from 0.

    Returns:
        A `tf.data.Dataset` of images `(N, H, W, C)` and float32 labels
        `(N, classes)` whose rows sum to one. Images are pixel values, 0 to 255,
        not standardized. They are uint8 if all values are integers, otherwise
        float32.
    """
    batch_size = min(batch_size, split.count)
    steps = steps_per_epoch(split, batch_size)
    shuffled, decode = _training_source(split, preprocessing, augmentation)
    augment = image_augmentation(augmentation, preprocessing, decode)
    mix = batch_mixing(augmentation)

    def one_epoch(epoch: Tensor) -> tf.data.Dataset:
        seeds = seeds_of(seed, epoch)
        numbers = tf.data.Dataset.range(steps * batch_size)
        epoch_seeds = tf.data.Dataset.from_tensors(seeds).repeat()
        return tf.data.Dataset.zip(shuffled(seeds), epoch_seeds, numbers)

    def vary(
        example: tuple[Tensor, Tensor], epoch_seeds: Tensor, number: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        content, label = example
        seeds = seeds_of(epoch_seeds, number)
        return augment(content, seeds), tf.one_hot(label, classes), seeds

    def finish(images: Tensor, labels: Tensor, seeds: Tensor) -> tuple[Tensor, Tensor]:
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
        batch_size: Integer, the number of images per batch. The last batch may be
            smaller.
        classes: Integer, the number of classes, for one-hot labels. Defaults to
            labels as numbers.
        standardized: Boolean, whether to standardize the images.

    Returns:
        A `tf.data.Dataset` of images `(N, H, W, C)` and labels, int64 `(N,)` or
        float32 `(N, classes)`. Standardized images are float32. Otherwise they are
        pixel values, 0 to 255: uint8 if all values are integers, otherwise float32.
    """

    def finish(images, labels):
        if standardized:
            images = preprocessing.standardize(images)
        return images, labels if classes is None else tf.one_hot(labels, classes)

    images = _resized(split, preprocessing)
    images = images.cache() if _fits(split, images) else images
    batches = images.batch(batch_size).map(finish, tf.data.AUTOTUNE)
    # Without a cardinality, Keras would warn that the data set ended too early.
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

    The first images are a random sample of all classes, even if the data set is
    sorted by class.

    Args:
        split: A `Split` of labelled images.
        preprocessing: The network's `Preprocessing`.
        batch_size: Integer, the number of images per batch. The last batch may be
            smaller.
        limit: Integer, the largest number of images. Defaults to all.
        seed: Integer, the random seed of the order.

    Returns:
        A `tf.data.Dataset` of float32 images `(N, H, W, C)` and int64 labels
        `(N,)`.
    """
    count = split.count if limit is None else min(limit, split.count)
    shuffled, decode = _shuffled_source(split)

    def finish(content: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
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


def _training_source(
    split: Split, preprocessing: Preprocessing, augmentation: Augmentation
) -> tuple[Shuffled, Callable[[Tensor], Tensor]]:
    """Return a function from seeds to shuffled pairs, and one that decodes."""
    resized = _resized(split, preprocessing)
    if augmentation.crop != "resized" and _fits(split, resized):
        cached = resized.cache()
        # With one more than the count, the first epoch fills the cache completely.
        return lambda seeds: shuffle(cached, split.count + 1, seeds), tf.identity
    return _shuffled_source(split)


def _shuffled_source(split: Split) -> tuple[Shuffled, Callable[[Tensor], Tensor]]:
    """Return a function from seeds to shuffled pairs, and one that decodes."""
    if split.encoded:
        return split.encoded, split.decode
    return lambda seeds: shuffle(split.images, 10_000, seeds), split.decode


def _resized(split: Split, preprocessing: Preprocessing) -> tf.data.Dataset:
    def resize(image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        return preprocessing.resize(image), label

    return split.images.map(resize, tf.data.AUTOTUNE)


def _fits(split: Split, images: tf.data.Dataset) -> bool:
    image, _ = images.element_spec
    return split.count * image.shape.num_elements() * image.dtype.size < CACHE_BYTES


def _delivered(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Prefetch batches in order, and set how devices share them."""
    options = tf.data.Options()
    options.deterministic = True
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)
