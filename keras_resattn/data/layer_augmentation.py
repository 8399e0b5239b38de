"""Apply an augmentation layer of Keras to one image, from given seeds."""

import keras
import tensorflow as tf

from keras_resattn.data.random_seeds import SeedGenerator
from keras_resattn.typing import Tensor


class LayerAugmentation:
    """Apply a Keras layer such as `keras.layers.RandomRotation` to one image.

    The layer draws random numbers from variables, so its result depends on earlier
    calls. Here they follow from the seeds.

    Args:
        layer: The layer. It must have `get_random_transformation`, `channels_last` and
            float32.
    """

    def __init__(self, layer: keras.layers.Layer) -> None:
        self.layer = layer
        layer.backend.set_backend("tensorflow")  # as `tf.data` needs

    def __call__(self, image: Tensor, seeds: Tensor) -> Tensor:
        """Return the augmented float32 image `(h, w, channels)`, 0 to 255."""
        images = tf.cast(image, tf.float32)[None]
        transformation = self.layer.get_random_transformation(
            images, training=True, seed=SeedGenerator(seeds)
        )
        images = self.layer.transform_images(images, transformation, training=True)
        return tf.clip_by_value(tf.ensure_shape(images[0], image.shape), 0, 255)


def random_rotation(degrees: float) -> LayerAugmentation:
    """Rotate by up to `degrees` in both directions; the edges are mirrored."""
    layer = keras.layers.RandomRotation(
        degrees / 360, data_format="channels_last", dtype="float32"
    )
    return LayerAugmentation(layer)


def random_erasing(probability: float) -> LayerAugmentation:
    """Replace a rectangle by noise with the given probability."""
    # Of a single number, Keras would draw the probability between 0 and it.
    layer = keras.layers.RandomErasing(
        (probability, probability), data_format="channels_last", dtype="float32"
    )
    return LayerAugmentation(layer)
