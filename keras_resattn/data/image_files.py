"""Read image files: all commands read them here, and name the file that is bad."""

import functools
import os
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_resattn.data.decoding import decode_any
from keras_resattn.data.decoding import with_channels
from keras_resattn.data.formats.ordinary import decode_if_ordinary
from keras_resattn.data.image_header import MAX_PIXELS
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn.typing import Tensor

DAMAGED = "is damaged or cut off and cannot be decoded; copy or download it again"
THREADS = min(8, os.cpu_count() or 1)


def read_images(paths: Sequence[StrPath], preprocessing: Preprocessing) -> Array:
    """Read image files at a network's size.

    Args:
        paths: Paths of PNG, JPEG, GIF, BMP or WebP files.
        preprocessing: The network's `Preprocessing`.

    Returns:
        A float32 array `(N, H, W, C)` of pixel values, 0 to 255.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not a readable image. The message names the
            first one and has the reason.
    """
    check_exist(paths)
    images, reasons = try_images(paths, preprocessing)
    _raise_for(paths, reasons)
    return images


def try_images(
    paths: Sequence[StrPath], preprocessing: Preprocessing
) -> tuple[Array, list[str]]:
    """Read image files at a network's size, and say which cannot be read.

    Args:
        paths: Paths of PNG, JPEG, GIF, BMP or WebP files.
        preprocessing: The network's `Preprocessing`.

    Returns:
        A float32 array `(N, H, W, C)` of those that can be read, and for each
        path the reason why it cannot, "" if it can. A reason continues a
        sentence, such as "is empty; ...".
    """

    def read(path):
        picture, reason = read_picture(path, preprocessing)
        return None if reason else _resized(picture, preprocessing), reason

    pairs = list(_by_threads(read, paths))
    images = [image for image, reason in pairs if not reason]
    shape = (0, *preprocessing.input_shape)
    stacked = np.stack(images) if images else np.zeros(shape, "float32")
    return stacked, [reason for _, reason in pairs]


def unreadable_images(
    paths: Sequence[StrPath], preprocessing: Preprocessing
) -> dict[str, str]:
    """Decode image files, and return the path and the reason of unreadable ones."""

    def reason(path):
        return read_picture(path, preprocessing)[1]

    reasons = _by_threads(reason, paths)
    return {str(p): reason for p, reason in zip(paths, reasons, strict=True) if reason}


def check_images(paths: Sequence[StrPath], preprocessing: Preprocessing) -> None:
    """Raise an error that names the first file that cannot be decoded.

    Args:
        paths: Paths of image files.
        preprocessing: The `Preprocessing` to decode with.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not a readable image.
    """
    check_exist(paths)
    unreadable = unreadable_images(paths, preprocessing)
    _raise_for(paths, [unreadable.get(str(path), "") for path in paths])


def read_pictures(
    paths: Sequence[StrPath], preprocessing: Preprocessing
) -> list[Tensor]:
    """Read image files, as `Preprocessing.decode` does, to be looked at.

    Args:
        paths: Paths of PNG, JPEG, GIF, BMP or WebP files.
        preprocessing: The `Preprocessing`, which states the number of channels.

    Returns:
        A list of uint8 images `(h, w, C)`.

    Raises:
        ValueError: If a file is not a readable image.
    """
    pairs = list(_by_threads(lambda path: read_picture(path, preprocessing), paths))
    _raise_for(paths, [reason for _, reason in pairs])
    return [picture for picture, _ in pairs]


def read_picture(path: StrPath, preprocessing: Preprocessing) -> tuple[Tensor, str]:
    """Read an image file, as `Preprocessing.decode` does, or say why it cannot be read.

    Args:
        path: The path of a file.
        preprocessing: The `Preprocessing`, which states the number of channels.

    Returns:
        A uint8 image `(h, w, C)` and "", or `None` and the reason, which
        continues a sentence, such as "is empty; ...".
    """
    try:
        content = tf.constant(Path(path).read_bytes())
    except OSError as error:
        return None, f"cannot be read: {error.strerror or error}"
    try:
        # Small operations on strings and bytes: a GPU would only wait for them.
        with tf.device("CPU:0"):
            return _decode(content, preprocessing)
    except tf.errors.OpError:
        return None, _reason(preprocessing.input_shape[-1])


def _reason(channels):
    """Return why a file could not be decoded, for a network of some channels."""
    if channels in (1, 3):
        return DAMAGED
    if channels == 4:
        return "is damaged, or does not have 4 channels; give a PNG with transparency"
    return (
        f"cannot be decoded, because the network has {channels} channels, and files "
        "of images have 1, 3 or 4; give arrays in Python"
    )


def check_exist(paths: Iterable[StrPath]) -> None:
    """Raise a `FileNotFoundError` that names the first path that does not exist."""
    for path in paths:
        if not Path(path).exists():
            raise FileNotFoundError(
                f"There is no such file; give an image. Received: {path}"
            )


def _decode(content, preprocessing):
    channels = preprocessing.input_shape[-1]
    if channels not in (1, 3):
        return preprocessing.decode(content), ""
    least = preprocessing.least_side
    image, is_other = _read_ordinary(channels, least)(content)
    if not is_other:
        return image, ""
    image, refusal = decode_any(content, least=least)
    reason = refusal.numpy().decode()
    return (None, reason) if reason else (with_channels(image, channels), "")


@functools.cache
def _read_ordinary(channels, least):
    """Return the compiled function for most files: it says which are others."""

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)], autograph=False)
    def read(content):
        image, reason = decode_if_ordinary(
            content,
            MAX_PIXELS,
            least,
            lambda: (tf.zeros((0, 0, 3), tf.uint8), tf.constant("is another file")),
        )
        return with_channels(image, channels), reason != ""

    return read


def _resized(picture, preprocessing):
    if picture.shape == tuple(preprocessing.input_shape):
        return picture.numpy().astype("float32")
    resize = _resizer(tuple(preprocessing.input_shape), preprocessing.aspect)
    with tf.device("CPU:0"):
        return resize(picture).numpy()


@functools.lru_cache
def _resizer(input_shape, aspect):
    """Return the compiled function that resizes a picture for a network."""
    preprocessing = Preprocessing(input_shape, aspect=aspect)
    any_size = tf.TensorSpec((None, None, input_shape[-1]), tf.uint8)

    @tf.function(input_signature=[any_size], autograph=False)
    def resize(picture: Tensor) -> Tensor:
        return preprocessing.resize(picture)

    return resize


def _by_threads(
    read: Callable[[StrPath], Any], paths: Sequence[StrPath]
) -> Iterator[Any]:
    # Reading and decoding happen outside of Python: threads do it side by side.
    with ThreadPoolExecutor(THREADS) as threads:
        yield from threads.map(read, paths)


def _raise_for(paths, reasons):
    bad = [i for i, reason in enumerate(reasons) if reason]
    if not bad:
        return
    others = f" {len(bad)} of {len(reasons)} files cannot be read." * (len(bad) > 1)
    raise ValueError(f"This file {reasons[bad[0]]}.{others} Received: {paths[bad[0]]}")
