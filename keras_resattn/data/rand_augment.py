"""RandAugment of one image, from given seeds."""

import functools

import keras
import tensorflow as tf

from keras_resattn.data.random_seeds import SeedGenerator
from keras_resattn.views.graph import augmentations


class RandAugment:
    """Does to one image what `keras.layers.RandAugment` does, from given seeds.

    The layer draws from variables, so that what happens to an image would depend
    on what was computed before; and it computes all of its operations, to keep
    a few. Here operations and strengths follow from the seeds, and those drawn
    are computed alone. A grey image is varied as the coloured one that it is.

    Args:
        settings: A `keras_resattn.recipes.settings.RandAugment`.
    """

    def __init__(self, settings):
        self.layer = keras.layers.RandAugment(
            num_ops=settings.num_ops,
            factor=settings.factor,
            data_format="channels_last",
            dtype="float32",
        )
        self.operations = augmentations(self.layer)
        for operation in (self.layer, *self.operations):
            operation.backend.set_backend("tensorflow")  # as `tf.data` needs

    def draw(self, images, seeds):
        """Return the numbers of the operations, and each one's transformation."""
        generator = SeedGenerator(seeds)
        count = len(self.operations)
        chosen = tf.random.stateless_uniform(
            (self.layer.num_ops,), generator.next(), 0, count, tf.int32
        )
        transformations = [
            operation.get_random_transformation(images, seed=generator)
            for operation in self.operations
        ]
        return chosen, transformations

    def __call__(self, image, seeds):
        """Return the float32 image `(h, w, channels)`, varied, from 0 to 255."""
        channels = image.shape[-1]
        if channels == 1:
            image = tf.image.grayscale_to_rgb(image)
        images = tf.cast(image, tf.float32)[None]
        chosen, transformations = self.draw(images, seeds)
        for number in tf.unstack(chosen):
            branches = [
                functools.partial(operation.transform_images, images, transformation)
                for operation, transformation in zip(
                    self.operations, transformations, strict=True
                )
            ]
            images = tf.ensure_shape(tf.switch_case(number, branches), images.shape)
        return tf.clip_by_value(images[0, ..., :channels], 0, 255)
