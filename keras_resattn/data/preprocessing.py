"""The one preprocessing: of training, prediction and the exported model."""

import dataclasses
from typing import Literal

import tensorflow as tf

from keras_resattn.data.decoding import decode_or_raise
from keras_resattn.data.decoding import decode_or_refuse
from keras_resattn.data.decoding import decode_prepared
from keras_resattn.data.resizing import fit_size
from keras_resattn.data.resizing import resize_and_place
from keras_resattn.typing import Tensor

Aspect = Literal["squash", "crop", "pad"]

# A decoded JPEG keeps this many pixels on its shorter side, to be looked at, and
# twice as many as the network takes. `tf.image.resize` does the rest of the resizing.
LEAST_SIDE = 512


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
        aspect: How images of another aspect ratio than the network's are
            resized. `"squash"` changes their aspect ratio. `"crop"` fills the
            input and leaves out what is beyond it, at both sides alike.
            `"pad"` shows the whole image between black bars.
    """

    input_shape: tuple[int, int, int]
    mean: float | tuple[float, ...] = 127.5
    std: float | tuple[float, ...] = 127.5
    aspect: Aspect = "squash"

    @property
    def least_side(self) -> int:
        """How many pixels the shorter side of a decoded JPEG keeps at least."""
        return max(LEAST_SIDE, 2 * max(self.input_shape[:2]))

    def decode(self, image_bytes: Tensor) -> Tensor:
        """Return the uint8 image `(h, w, channels)` in the bytes of a file.

        The image is what a viewer shows: upright, as EXIF notes it. A JPEG is decoded
        at a half, a quarter or an eighth of its size if its shorter side keeps at
        least 512 pixels and twice those of the network, which is faster. Grey images
        become RGB, or RGB images grey, as `input_shape` says. Transparency is
        dropped: the colours of the file are kept as they are. 16 bits become 8,
        and an animated GIF gives its first frame.

        Args:
            image_bytes: A scalar string tensor: a PNG, JPEG, GIF, BMP or WebP.

        Raises:
            tf.errors.OpError: If the bytes are not a readable image. The message
                has the reason.
        """
        return self._decode(decode_or_raise, image_bytes, least=self.least_side)

    def decode_prepared(self, image_bytes: Tensor) -> Tensor:
        """Return the same for bytes of a data set that is known to be whole.

        Nothing is checked, and the orientation of EXIF is not applied, as
        tensorflow-datasets does not apply it.
        """
        return self._decode(decode_prepared, image_bytes)

    def decode_or_refuse(self, image_bytes: Tensor) -> tuple[Tensor, Tensor]:
        """Return an image at the network's size, and the reason if there is none.

        Args:
            image_bytes: A scalar string tensor.

        Returns:
            A float32 image `(H, W, C)` of pixel values, 0 to 255, and a scalar
            string tensor: see `keras_resattn.data.decoding.decode_or_refuse`. A
            refused image is black.
        """
        channels = self.input_shape[-1]
        if channels not in (1, 3):
            image = self.resize(self.decode(image_bytes))
            return tf.cast(image, tf.float32), tf.constant("")
        image, refusal = decode_or_refuse(image_bytes, channels, least=self.least_side)
        resized = tf.cond(
            refusal == "",
            lambda: tf.cast(self.resize(image), tf.float32),
            lambda: tf.zeros(self.input_shape),
        )
        return tf.ensure_shape(resized, self.input_shape), refusal

    def resize(self, images: Tensor) -> Tensor:
        """Return images `(..., h, w, channels)` at the network's size.

        Pixels are returned as they are, uint8 or float32, if the size is known
        to be right. Otherwise they are float32, resized bilinearly with
        antialiasing, by the rule `aspect`.
        """
        return self._resize(images, self.input_shape[:2])

    def squash(self, images: Tensor, antialias: bool = True) -> Tensor:
        """Return images at the network's size, the aspect ratio not kept."""
        size = list(self.input_shape[:2])
        if images.shape[-3:-1].as_list() == size:
            return images
        return tf.image.resize(images, size, antialias=antialias)

    def shown(self, image: Tensor, longest: int) -> Tensor:
        """Return what the network sees of an image, with more pixels than it takes.

        Args:
            image: An image `(h, w, channels)`.
            longest: Integer, the largest number of pixels of the longer side.

        Returns:
            The image, uint8, not enlarged. It keeps the aspect ratio of the file if
            `aspect` is `"squash"`; otherwise it has that of the network.
        """
        height, width = image.shape[:2]
        if self.aspect != "squash":
            target = self.input_shape[:2]
            choose = min if self.aspect == "crop" else max
            scale = choose(height / target[0], width / target[1])
            height, width = target[0] * scale, target[1] * scale
        scale = min(1, longest / max(height, width))
        size = [max(1, round(side * scale)) for side in (height, width)]
        if self.aspect != "squash" or scale < 1:
            image = self._resize(image, size)
        if image.dtype == tf.uint8:
            return image
        return tf.saturate_cast(tf.round(tf.cast(image, tf.float32)), tf.uint8)

    def standardize(self, images: Tensor) -> Tensor:
        """Return float32 images less `mean`, divided by `std`."""
        mean, std = tf.constant(self.mean, tf.float32), tf.constant(self.std)
        return (tf.cast(images, tf.float32) - mean) / tf.cast(std, tf.float32)

    def _decode(self, decode, image_bytes, **options):
        channels = self.input_shape[-1]
        image_bytes = tf.convert_to_tensor(image_bytes)
        if channels in (1, 3):
            return decode(image_bytes, channels, **options)
        image = tf.io.decode_image(image_bytes, channels, expand_animations=False)
        return tf.ensure_shape(image, (None, None, channels))

    def _resize(self, images, size):
        size = list(size)
        if images.shape[-3:-1].as_list() == size:
            return images
        if self.aspect == "squash":
            return tf.image.resize(images, size, antialias=True)
        inner = fit_size(tf.shape(images)[-3:-1], size, fills=self.aspect == "crop")
        return resize_and_place(images, inner, size)
