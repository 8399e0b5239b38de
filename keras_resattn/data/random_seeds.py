"""Random seeds as tensors: the same seeds give the same numbers everywhere."""

import keras
import tensorflow as tf

from keras_resattn.typing import Tensor


class SeedGenerator(keras.random.SeedGenerator):
    """Give Keras' layers seeds that follow from a tensor, without a state.

    Args:
        seeds: An int64 tensor `(2,)`.
    """

    def __init__(self, seeds: Tensor):
        self.seeds, self.drawn = seeds, 0  # the base class has a variable instead

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
        buffer_size: Integer, from how many elements the next one is drawn. If it
            is larger than the data set, the data set is read to its end at once,
            which completes a cache.
        seeds: An int64 tensor `(2,)`. The order follows from it alone.
    """
    # This is the seed of the graph of the function, not the global one. Without it,
    # the order would also depend on `keras.utils.set_random_seed`.
    tf.random.set_seed(1)
    seed = tf.random.stateless_uniform((), seeds, None, None, tf.int64)
    return dataset.shuffle(buffer_size, seed, reshuffle_each_iteration=False)
