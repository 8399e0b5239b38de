"""Mix the images and labels of a batch, from given seeds."""

from collections.abc import Callable

import keras
import tensorflow as tf

from keras_resattn.data.random_seeds import SeedGenerator
from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.recipes.settings import Augmentation
from keras_resattn.typing import Tensor

Mix = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def batch_mixing(settings: Augmentation) -> Mix | None:
    """Return the function that mixes a batch, or `None` without MixUp and CutMix.

    Args:
        settings: A `keras_resattn.recipes.settings.Augmentation`.

    Returns:
        A function of images `(N, H, W, C)`, float32 one-hot labels
        `(N, classes)` and int64 seeds `(2,)`, which returns float32 images and
        labels. With both MixUp and CutMix, each mixes half of the batches.
    """
    arguments = {"data_format": "channels_last", "dtype": "float32"}
    layers = []
    if settings.mixup:
        layers.append(keras.layers.MixUp(settings.mixup, **arguments))
    if settings.cutmix:
        layers.append(keras.layers.CutMix((settings.cutmix,) * 2, **arguments))
    for layer in layers:
        layer.backend.set_backend("tensorflow")  # as `tf.data` needs

    def mix(images, labels, seeds):
        if len(layers) == 1:
            return _mixed(layers[0], images, labels, seeds)
        return tf.cond(
            tf.random.stateless_uniform((), seeds_of(seeds, 0)) < 0.5,
            lambda: _mixed(layers[0], images, labels, seeds),
            lambda: _mixed(layers[1], images, labels, seeds),
        )

    return mix if layers else None


def _mixed(layer, images, labels, seeds):
    mixture = layer.get_random_transformation(images, seed=SeedGenerator(seeds))
    weight = mixture["mix_weight"]
    # NaN if the distribution is so extreme that both of its gammas underflow.
    mixture["mix_weight"] = tf.where(tf.math.is_nan(weight), 1.0, weight)
    return (
        layer.transform_images(images, mixture),
        layer.transform_labels(labels, mixture),
    )
