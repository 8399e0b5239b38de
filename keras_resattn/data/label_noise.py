"""Training labels that are wrong on purpose (paper, section 4.1)."""

import tensorflow as tf

from keras_resattn.data.random_seeds import seeds_of

# In the place of an epoch, so that no epoch's seeds are the same.
NOISE = -1


def noisy_label(label, number, classes, correct, seed):
    """Return the label, or with probability `1 - correct` another class, evenly.

    Args:
        label: An int64 scalar tensor.
        number: An int64 scalar tensor, the image's place in its split. The same
            image has the same label in every epoch.
        classes: Integer, the number of classes.
        correct: Float from 0 to 1, the share r of labels that stay.
        seed: Integer, from which the wrong labels follow.
    """
    seeds = tf.random.experimental.stateless_split(seeds_of(seed, NOISE, number), 2)
    stays = tf.random.stateless_uniform((), seeds[0]) < correct
    step = tf.random.stateless_uniform((), seeds[1], 1, classes, tf.int64)
    return tf.where(stays, label, (label + step) % classes)
