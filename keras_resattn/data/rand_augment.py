"""Apply RandAugment to one image, from given seeds."""

import functools

import keras
import tensorflow as tf

from keras_resattn.data.random_seeds import SeedGenerator
from keras_resattn.recipes import settings as recipe_settings
from keras_resattn.typing import Tensor
from keras_resattn.views.graph import augmentations


class RandAugment:
    """Apply the operations of `keras.layers.RandAugment` to one image.

    The layer draws random numbers from variables, so its result depends on earlier
    calls. It also computes all of its operations and keeps a few. Here the
    operations and their strengths follow from the seeds, and only the chosen
    operations are computed. A grey image is augmented as a colour image with three
    equal channels.

    Args:
        settings: A `keras_resattn.recipes.settings.RandAugment`.
    """

    def __init__(self, settings: recipe_settings.RandAugment) -> None:
        self.layer = keras.layers.RandAugment(
            num_ops=settings.num_ops,
            factor=settings.factor,
            data_format="channels_last",
            dtype="float32",
        )
        self.operations = augmentations(self.layer)
        for operation in (self.layer, *self.operations):
            operation.backend.set_backend("tensorflow")  # as `tf.data` needs

    def draw(self, images: Tensor, seeds: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the chosen operations' numbers and all transformations."""
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

    def __call__(self, image: Tensor, seeds: Tensor) -> Tensor:
        """Return the augmented float32 image `(h, w, channels)`, 0 to 255."""
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
