"""Seeds as tensors: what is random follows from them, wherever it is computed."""

import keras
import tensorflow as tf


class SeedGenerator(keras.random.SeedGenerator):
    """Gives Keras' layers seeds that follow from a tensor, and keeps no state.

    Args:
        seeds: An int64 tensor `(2,)`.
    """

    def __init__(self, seeds):
        self.seeds, self.drawn = seeds, 0  # and no variable, as the base has

    def next(self, ordered=True):
        self.drawn += 1
        return seeds_of(self.seeds, self.drawn)


def seeds_of(seed, *numbers):
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


def shuffle(dataset, buffer_size, seeds):
    """Shuffle a `tf.data.Dataset` inside a function of another one.

    Args:
        dataset: A `tf.data.Dataset`.
        buffer_size: Integer, from how many elements each next one is drawn. One
            more than there are reads the data set to its end at once, which
            ends the filling of a cache.
        seeds: An int64 tensor `(2,)`, from which alone the order follows.
    """
    # Else `keras.utils.set_random_seed` would count, too. This is the seed of the
    # graph of the function, not the global one.
    tf.random.set_seed(1)
    seed = tf.random.stateless_uniform((), seeds, None, None, tf.int64)
    return dataset.shuffle(buffer_size, seed, reshuffle_each_iteration=False)
