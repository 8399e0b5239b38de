"""RandAugment of one image, from given seeds."""

import functools
from typing import Any

import keras
import tensorflow as tf

from keras_resattn.data.random_seeds import SeedGenerator
from keras_resattn.recipes.settings import RandAugment as Settings
from keras_resattn.typing import Tensor


class RandAugment:
    """Vary one image as `keras.layers.RandAugment` does, from given seeds.

    The layer draws random numbers from variables: the result for an image would
    depend on the images before it. The layer also computes all operations and
    keeps a few. Here the operations and their strengths follow from the seeds,
    and only the drawn operations are computed. A grey image is varied as RGB.

    Args:
        settings: A `keras_resattn.recipes.settings.RandAugment`.
    """

    def __init__(self, settings: Settings):
        self.layer = keras.layers.RandAugment(
            num_ops=settings.num_ops,
            factor=settings.factor,
            data_format="channels_last",
            dtype="float32",
        )
        self.operations = [getattr(self.layer, n) for n in self.layer._AUGMENT_LAYERS]
        for operation in (self.layer, *self.operations):
            operation.backend.set_backend("tensorflow")  # as `tf.data` needs

    def draw(self, images: Tensor, seeds: Tensor) -> tuple[Tensor, list[Any]]:
        """Return the numbers of the drawn operations, and all transformations."""
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
        """Return the varied image, float32 `(h, w, channels)`, from 0 to 255."""
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
