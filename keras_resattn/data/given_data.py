"""Check and read a pair of arrays, or a `tf.data.Dataset`, of images and labels."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_resattn.data.labelled_images import Relabel
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.labelled_images import encoded_split
from keras_resattn.data.random_seeds import shuffle
from keras_resattn.typing import Array
from keras_resattn.typing import Tensor
from keras_resattn_client.images import ROUNDING


class GivenArrays:
    """A pair of arrays of images and labels.

    Attributes:
        labels: The label of each image, an integer or string array `(n,)`.
        classes: The number of columns of one-hot labels, otherwise 0.
        names: The names of the classes, if they are known. Always `None`.

    Args:
        images: An array `(n, h, w, channels)` of pixel values, 0 to 255.
        labels: An array `(n,)` of integers or strings, or one-hot `(n, classes)`.
        channels: Integer, the number of channels of the network.
        source: The name of the pair, for errors.

    Raises:
        ValueError: If the arrays have other shapes, types or values.
    """

    names = None

    def __init__(
        self, images: ArrayLike, labels: ArrayLike, channels: int, source: str
    ) -> None:
        pixels = _as_one_array(images, source)
        _check_shape(pixels.shape, channels, source)
        _check_dtype(pixels.dtype, source)
        self.labels = labels_of(np.asarray(labels), source)
        self.classes = _columns(np.shape(labels))
        if len(pixels) != len(self.labels) or not len(pixels):
            raise ValueError(
                "Give one label per image, and at least one image. Received: "
                f"{len(pixels)} images and {len(self.labels)} labels in {source}"
            )
        check_pixels(pixels.dtype, pixels.min(), pixels.max(), source)
        pixels = pixels.astype("uint8" if pixels.dtype.kind in "ui" else "float32")
        with tf.device("CPU:0"):  # they may be larger than the memory of a GPU
            self.images = tf.constant(pixels)

    def split(
        self,
        numbers: Array,
        classes: int,
        chosen: Array | None = None,
        relabel: Relabel | None = None,
    ) -> Split:
        """Return a `Split` of all or some of the images.

        Args:
            numbers: An int64 array `(n,)`, the number of the class of each image.
            classes: Integer, the number of classes.
            chosen: An int64 array of positions. Defaults to all.
            relabel: Optional function of a label, the number of the example and
                the number of classes. It returns the label to train with.
        """
        chosen = np.arange(len(numbers)) if chosen is None else chosen
        positions = np.arange(len(chosen))
        order = tf.data.Dataset.from_tensor_slices((positions, chosen, numbers[chosen]))

        def take(number: Tensor, place: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
            label = relabel(label, number, classes) if relabel else label
            return tf.gather(self.images, place), label

        def read(seeds: Tensor | None) -> tf.data.Dataset:
            shuffled = order if seeds is None else shuffle(order, len(chosen), seeds)
            return shuffled.map(take, tf.data.AUTOTUNE)

        counts = tuple(np.bincount(numbers[chosen], minlength=classes).tolist())
        shape = self.images.shape[1:]
        return encoded_split(
            read, len(chosen), tf.identity, shape, count_by_class=counts
        )


def _as_one_array(images: ArrayLike, source: str) -> Array:
    try:
        return np.asarray(images)
    except ValueError as error:  # numpy: an inhomogeneous shape
        raise ValueError(
            "The images of an array must have the same size; resize them, or give a "
            f"tf.data.Dataset of single images. Received: {source} with images of "
            "different sizes"
        ) from error


class GivenDataset:
    """A `tf.data.Dataset` of images and labels, which is read once for its labels.

    Attributes:
        labels: The label of each image, an integer array `(n,)`.
        classes: The number of columns of one-hot labels, otherwise 0.
        names: `class_names` of the data set, as
            `keras.utils.image_dataset_from_directory` sets it, or `None`.

    Args:
        dataset: Pairs of an image and a label as in `GivenArrays`, in batches or one
            by one, but without strings as labels. It must end, and have the same
            order each time.
        channels: Integer, the number of channels of the network.
        source: The name of the data set, for errors.

    Raises:
        ValueError: If the elements have other shapes, types or values.
    """

    def __init__(self, dataset: tf.data.Dataset, channels: int, source: str) -> None:
        image, label = _specs(dataset, source)
        self.names: Sequence[str] | None = getattr(dataset, "class_names", None)
        if label.dtype == tf.string:
            raise ValueError(
                "The labels of a tf.data.Dataset must be numbers of classes; replace "
                f"the names by their numbers. Received: strings in {source}"
            )
        is_batched = image.shape.rank == 4
        _check_shape(image.shape if is_batched else (1, *image.shape), channels, source)
        _check_dtype(image.dtype.as_numpy_dtype, source)
        if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                "This tf.data.Dataset does not end; leave out `repeat()`. "
                f"Received: {source}"
            )
        self.images = dataset.unbatch() if is_batched else dataset
        self.dtype = tf.uint8 if image.dtype.is_integer else tf.float32
        self.labels = self._read(dataset, is_batched, source)
        self.classes = _columns(label.shape if is_batched else (1, *label.shape))

    def _read(self, dataset: tf.data.Dataset, is_batched: bool, source: str) -> Array:
        """Return the labels, and check the values of all pixels."""
        labels, lowest, highest = [], [], []
        for images, some in dataset.as_numpy_iterator():
            # One by one, images can have different sizes.
            some = some if is_batched else np.asarray(some)[None]
            labels.append(labels_of(some, source))
            lowest.append(images.min())
            highest.append(images.max())
        if not labels:
            raise ValueError(f"There are no images. Received: {source}")
        # Not Python's min and max, which pass over NaN.
        check_pixels(images.dtype, np.min(lowest), np.max(highest), source)
        return np.concatenate(labels)

    def split(
        self,
        numbers: Array,
        classes: int,
        chosen: Array | None = None,
        relabel: Relabel | None = None,
    ) -> Split:
        """Return a `Split` of all images: see `GivenArrays.split`."""
        if chosen is not None:
            raise AssertionError("only arrays can be divided")

        def convert(
            number: Tensor, pair: tuple[Tensor, Tensor]
        ) -> tuple[Tensor, Tensor]:
            image, label = pair
            flat = tf.reshape(label, [-1])  # one-hot, or a number
            label = tf.where(
                tf.size(flat) > 1, tf.argmax(flat), tf.cast(flat[0], "int64")
            )
            label = relabel(label, number, classes) if relabel else label
            return tf.cast(image, self.dtype), label

        images = self.images.enumerate().map(convert, tf.data.AUTOTUNE)
        counts = tuple(np.bincount(numbers, minlength=classes).tolist())
        return Split(images, len(numbers), count_by_class=counts)


def _columns(shape: Sequence[int | None]) -> int:
    """Return the number of columns of one-hot labels, or 0 for other labels."""
    columns = shape[1] if len(shape) == 2 else None
    return columns if columns is not None and columns > 1 else 0


def labels_of(labels: Array, source: str) -> Array:
    """Return labels as an array `(n,)` of integers or strings.

    Args:
        labels: An array `(n,)` or `(n, 1)` of integers or strings, or one-hot
            `(n, classes)`.
        source: The name of the data, for errors.
    """
    if labels.ndim == 2 and labels.shape[1] > 1:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise ValueError(
                "Labels with two axes must be one-hot, with one 1 in each row. "
                f"Received: labels {labels.shape} with a first row "
                f"{np.array2string(labels[0], threshold=8)} in {source}"
            )
        return labels.argmax(axis=1)
    if labels.ndim == 0 or labels.size != len(labels):
        raise ValueError(
            "Labels must have the shape (images,), or (images, classes) for one-hot "
            f"labels. Received: {labels.shape} in {source}"
        )
    if labels.dtype.kind not in "iuUOS" or (
        labels.dtype.kind == "O" and not all(isinstance(x, str) for x in labels.flat)
    ):
        raise ValueError(
            "Labels must be integers or names of classes; convert them with "
            f"labels.astype('int64'). Received: {labels.dtype} in {source}"
        )
    flat = labels.reshape(-1)
    return flat.astype("int64" if flat.dtype.kind in "iu" else str)


def check_pixels(dtype: np.dtype, lowest: float, highest: float, source: str) -> None:
    """Raise an error if values are not those of pixels, 0 to 255."""
    fits = lowest >= -ROUNDING and 1 + ROUNDING < highest <= 255 + ROUNDING
    if fits or dtype == "uint8":
        return
    remedy = "scale them to this range"
    if lowest >= 0 and 255 + ROUNDING < highest <= 65535:
        remedy = "scale them to this range (16 bits: divide them by 257)"
    elif lowest >= -ROUNDING and highest <= 1 + ROUNDING:
        remedy = "multiply them by 255"
    elif lowest >= -1 and highest <= 1:
        remedy = "undo the standardization: (images + 1) * 127.5"
    raise ValueError(
        f"Pixel values must be from 0 to 255, because the network's own preprocessing "
        f"standardizes them; {remedy}. Received: {lowest:g} to {highest:g} in {source}"
    )


def _check_shape(shape: Sequence[int | None], channels: int, source: str) -> None:
    shape = tuple(shape)
    if len(shape) == 4 and shape[-1] == channels:
        return
    remedy = f"`network.input_shape` of the recipe has {channels} channels"
    if len(shape) == 3 and channels == 1:
        remedy = "add the axis with images[..., None]"
    elif len(shape) == 4 and shape[-1] == 1 and channels == 3:
        remedy = "repeat the grey channel with np.repeat(images, 3, axis=-1)"
    raise ValueError(
        f"Images must have the shape (images, height, width, {channels}); {remedy}. "
        f"Received: {shape} in {source}"
    )


def _check_dtype(dtype: np.dtype, source: str) -> None:
    dtype = np.dtype(dtype)
    if dtype.kind not in "uif":
        remedy = "images * 255.0" if dtype.kind == "b" else "images.astype('float32')"
        raise ValueError(
            f"Images must be integers or floats; convert them with {remedy}. "
            f"Received: {dtype} in {source}"
        )


def _specs(
    dataset: tf.data.Dataset, source: str
) -> tuple[tf.TensorSpec, tf.TensorSpec]:
    spec = dataset.element_spec
    is_pair = isinstance(spec, tuple) and len(spec) == 2
    if not (is_pair and all(isinstance(part, tf.TensorSpec) for part in spec)):
        raise ValueError(
            "The elements of a tf.data.Dataset must be pairs (image, label); convert "
            f"them with `map`. Received: {spec} in {source}"
        )
    if spec[0].shape.rank is None or spec[1].shape.rank is None:
        raise ValueError(
            "The shapes of images and labels must be known; set them with "
            f"`tf.ensure_shape`. Received: {spec} in {source}"
        )
    return spec
