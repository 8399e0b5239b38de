"""The one preprocessing: of training, prediction and the exported model."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """From an image's bytes or pixels to what a network takes.

    Example:

    >>> preprocessing = Preprocessing((224, 224, 3), mean=127.5, std=127.5)
    >>> image = preprocessing.decode(tf.io.read_file("cat.jpg"))
    >>> preprocessing.standardize(preprocessing.resize(image)).shape
    TensorShape([224, 224, 3])

    Args:
        input_shape: The shape `(height, width, channels)` of the network's
            input.
        mean: A float or one per channel, in pixel values (0 to 255),
            subtracted from the image.
        std: A float or one per channel, in pixel values, that the difference
            is divided by.
    """

    input_shape: tuple[int, int, int]
    mean: float | tuple[float, ...] = 127.5
    std: float | tuple[float, ...] = 127.5

    def decode(self, image_bytes):
        """Return the uint8 image `(h, w, channels)` in PNG, JPEG, ... bytes.

        Grey images become RGB, or RGB images grey, as `input_shape` says;
        transparency is dropped, 16 bits become 8, an animated GIF gives its
        first frame. A rotation noted in EXIF is not applied.
        """
        channels = self.input_shape[-1]
        if channels == 1:
            image = _decode_grey(image_bytes)
        else:
            image = _decode(image_bytes, channels)
        return tf.ensure_shape(image, (None, None, channels))

    def resize(self, images, antialias=True):
        """Return images `(..., h, w, channels)` at the network's size.

        Pixels are returned as they are, uint8 or float32, if the size is
        known to be right; otherwise as float32, resized bilinearly, by default
        with antialiasing, the aspect ratio not kept.
        """
        size = list(self.input_shape[:2])
        if images.shape[-3:-1].as_list() == size:
            return images
        return tf.image.resize(images, size, antialias=antialias)

    def standardize(self, images):
        """Return float32 images less `mean`, divided by `std`."""
        mean, std = tf.constant(self.mean, tf.float32), tf.constant(self.std)
        return (tf.cast(images, tf.float32) - mean) / tf.cast(std, tf.float32)


def _decode(image_bytes, channels):
    return tf.io.decode_image(image_bytes, channels=channels, expand_animations=False)


def _decode_grey(image_bytes):
    # TensorFlow decodes no GIF, BMP or WebP as grey, PNG and JPEG only.
    start = tf.strings.substr(image_bytes, 0, 2)
    return tf.cond(
        (start == b"\x89P") | (start == b"\xff\xd8"),
        lambda: _decode(image_bytes, 1),
        lambda: tf.image.rgb_to_grayscale(_decode(image_bytes, 3)),
    )
