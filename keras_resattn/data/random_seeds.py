"""Random seeds as tensors, independent of the device and the process."""

import keras
import tensorflow as tf

from keras_resattn.typing import Tensor


class SeedGenerator(keras.random.SeedGenerator):
    """Give Keras' layers seeds that follow from a tensor, without a state.

    Args:
        seeds: An int64 tensor `(2,)`.
    """

    def __init__(self, seeds: Tensor) -> None:
        # The base class would create a variable.
        self.seeds, self.drawn = seeds, 0

    def next(self, ordered: bool = True) -> Tensor:
        """Return the next int64 seeds `(2,)`."""
        self.drawn += 1
        return seeds_of(self.seeds, self.drawn)


def seeds_of(seed: int | Tensor, *numbers: int | Tensor) -> Tensor:
    """Return the int64 seeds `(2,)` that follow from a seed and numbers.

    Args:
        seed: Integer, or an int64 tensor `(2,)` of seeds.
        *numbers: Integers or int64 scalars, such as an epoch and a position.
    """
    if isinstance(seed, int):
        seed = tf.constant([seed, 0], tf.int64)
    for number in numbers:
        number = tf.cast(number, tf.int64)
        seed = tf.random.experimental.stateless_fold_in(seed, number)
    return seed


def shuffle(
    dataset: tf.data.Dataset, buffer_size: int, seeds: Tensor
) -> tf.data.Dataset:
    """Shuffle a `tf.data.Dataset` inside a function of another one.

    Args:
        dataset: A `tf.data.Dataset`.
        buffer_size: Integer, the number of elements from which the next one is
            drawn. One more than the data set has reads it to its end at once;
            this fills a cache completely.
        seeds: An int64 tensor `(2,)`. The order depends on nothing else.
    """
    # Otherwise the order would also depend on `keras.utils.set_random_seed`. This is
    # the seed of the function's graph, not the global one.
    tf.random.set_seed(1)
    seed = tf.random.stateless_uniform((), seeds, None, None, tf.int64)
    return dataset.shuffle(buffer_size, seed, reshuffle_each_iteration=False)
