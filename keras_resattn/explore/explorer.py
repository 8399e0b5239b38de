"""What the page of `keras-resattn explore` shows of an image, without the page."""

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_resattn.data.image_files import read_picture
from keras_resattn.explain.arrays import feature_tensors
from keras_resattn.explain.arrays import reader
from keras_resattn.explain.arrays import triptych_of
from keras_resattn.explain.gradients import class_gradients
from keras_resattn.views.modules import attention_modules

REMEMBERED = 16  # images; the maps of one of 224 x 224 are about 20 MB


class ExploredImage(NamedTuple):
    """An image and what a network computes of it.

    Attributes:
        pixels: The image at the network's size, uint8 `(H, W, 1)` or `(H, W, 3)`.
        inputs: The same as a batch, standardized, float32 `(1, H, W, C)`.
        probabilities: Float32 `(classes,)`.
        features: A dictionary of float32 arrays `(1, h, w, C)`: for each attention
            module `"<module>/before"`, `"<module>/mask"` and `"<module>/after"`.
    """

    pixels: np.ndarray
    inputs: np.ndarray
    probabilities: np.ndarray
    features: dict[str, np.ndarray]


class Explorer:
    """Looks at images with a network, one at a time: classes, masks, features.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> explorer = Explorer(folder.model, folder.labels, folder.preprocessing)
    >>> image = explorer.look("shirt.png")
    >>> explorer.most_probable(image, 1)
    {'Shirt': 0.83}
    >>> explorer.triptych(image, "stage1_attention1", 5).mask.shape
    (1, 28, 28)

    Args:
        model: A `keras.Model` with attention modules, from images to the
            probabilities of classes.
        labels: The names of the classes, in the order of the outputs.
        preprocessing: The model's `keras_resattn.data.Preprocessing`.

    Raises:
        ValueError: If `model` has no attention module, or takes images that
            cannot be shown.
    """

    def __init__(self, model, labels, preprocessing):
        shape = tuple(preprocessing.input_shape)
        if shape[-1] not in (1, 3):
            raise ValueError(
                "An image to show has 1 or 3 channels, and this model takes others. "
                f"Received: a model with the input shape {shape}"
            )
        self.model = model
        self.labels = tuple(labels)
        self.preprocessing = preprocessing
        # The attention modules and how many channels they have.
        self.channels = {
            name: module.mask.shape[-1]
            for name, module in attention_modules(model).items()
        }
        tensors = feature_tensors(model, self.channels)
        self._read = reader(model, {"probabilities": model.outputs[0], **tensors})
        self.look = functools.lru_cache(REMEMBERED)(self._look)
        self.evidence = functools.lru_cache(REMEMBERED)(self._evidence)

    def _look(self, path):
        """Return the `ExploredImage` of a file.

        Args:
            path: The path of a PNG, JPEG, GIF, BMP or WebP file that does not
                change.

        Raises:
            ValueError: If the file is no readable image, or too large a one.
        """
        image = tf.cast(read_image(path, self.preprocessing), tf.float32)
        inputs = self.preprocessing.standardize(image[None]).numpy()
        features = self._read(inputs)
        probabilities = features.pop("probabilities")[0]
        pixels = image.numpy().round().clip(0, 255).astype("uint8")
        return ExploredImage(pixels, inputs, probabilities, features)

    def most_probable(self, image, count=5):
        """Return the best classes, a dictionary from labels to probabilities."""
        best = np.argsort(-image.probabilities, kind="stable")[:count]
        return {self.labels[i]: float(image.probabilities[i]) for i in best}

    def triptych(self, image, module, channel):
        """Return the `keras_resattn.explain.Triptych` of an image.

        Args:
            image: An `ExploredImage`.
            module: String, the name of an attention module.
            channel: An index, a rule or `"all"`: see
                `keras_resattn.explain.feature_triptych`.
        """
        gradients = self._gradients if channel == "gradient" else {}
        return triptych_of(image.features, module, channel, gradients, None)

    @functools.cached_property
    def _gradients(self):
        return class_gradients(self.model, list(self.channels))

    def _evidence(self, path, number):
        """Return the Grad-CAM of a file for a class, float32 `(H, W)`, 0 to 1.

        Args:
            path: The path of a file that `look` can read.
            number: Integer, the class.
        """
        from keras_resattn.explain.evidence import class_evidence

        inputs = self.look(path).inputs
        return class_evidence(self.model, inputs, "grad_cam", classes=[number])[0]


def read_image(path, preprocessing):
    """Read an image file at the network's size, if it is safe to decode.

    Args:
        path: The path of a PNG, JPEG, GIF, BMP or WebP file.
        preprocessing: The `keras_resattn.data.Preprocessing` to read with.

    Returns:
        A tensor `(H, W, C)` of pixel values, 0 to 255.

    Raises:
        ValueError: If the file is no image, is damaged, or has too many pixels.
    """
    picture, reason = read_picture(path, preprocessing)
    if reason:
        raise ValueError(f"The file {reason}.")
    return preprocessing.resize(picture)
