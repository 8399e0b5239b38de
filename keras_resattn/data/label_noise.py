"""Training labels that are wrong on purpose (paper, section 4.1)."""

import tensorflow as tf

from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.typing import Tensor

# Used as the number of an epoch, because no epoch has it.
NOISE = -1


def noisy_label(
    label: Tensor, number: Tensor, classes: int, correct: float, seed: int
) -> Tensor:
    """Return the label or, with probability `1 - correct`, another class.

    All other classes are equally probable.

    Args:
        label: An int64 scalar tensor.
        number: An int64 scalar tensor, the image's place in its split. The same
            image has the same label in every epoch.
        classes: Integer, the number of classes.
        correct: Float from 0 to 1, the share r of labels that stay.
        seed: Integer, the random seed of the wrong labels.
    """
    seeds = tf.random.experimental.stateless_split(seeds_of(seed, NOISE, number), 2)
    stays = tf.random.stateless_uniform((), seeds[0]) < correct
    step = tf.random.stateless_uniform((), seeds[1], 1, classes, tf.int64)
    return tf.where(stays, label, (label + step) % classes)
