"""Turn the images that a user passes into batches for the server."""

import io
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras_resattn_client import contract

Inputs = dict[str, npt.NDArray[Any] | list[bytes]]

# In base64 this is below the 64 MiB that the embedded server reads.
MAX_BATCH_BYTES = 32 * 1024 * 1024


def input_batches(images: object, batch_size: int) -> Iterator[Inputs]:
    """Yield the inputs of a signature, a batch at a time.

    Each file is read when its batch is made.

    Args:
        images: As for `Client.predict`.
        batch_size: The largest number of images per batch. Large images make smaller
            batches.

    Yields:
        `{"image_bytes": [...]}` or `{"images": array}`.
    """
    if isinstance(images, np.ndarray) and images.dtype.kind == "f":
        yield from _pixel_batches(images, batch_size)
        return
    batch: list[bytes] = []
    size = 0
    for image in _one_by_one(images):
        encoded = _encoded(image)
        if batch and (
            len(batch) == batch_size or size + len(encoded) > MAX_BATCH_BYTES
        ):
            yield {contract.IMAGE_BYTES: batch}
            batch, size = [], 0
        batch.append(encoded)
        size += len(encoded)
    if not batch:
        raise ValueError("Pass one or more images. Received: none")
    yield {contract.IMAGE_BYTES: batch}


def _pixel_batches(images: npt.NDArray[Any], batch_size: int) -> Iterator[Inputs]:
    if images.ndim != 4 or not len(images):
        raise ValueError(
            "Pass float pixels as an array (N, h, w, channels) of one or more images, "
            f"with values 0 to 255. Received: an array of shape {images.shape}"
        )
    for start in range(0, len(images), batch_size):
        pixels = images[start : start + batch_size].astype(np.float32, copy=False)
        yield {contract.IMAGES: pixels}


def _one_by_one(images: Any) -> Iterable[Any]:
    single = isinstance(images, str | bytes | Path)
    if single or (isinstance(images, np.ndarray) and images.ndim < 4):
        return [images]
    return iter(images)


def _encoded(image: object) -> bytes:
    if isinstance(image, bytes):
        return image
    if isinstance(image, str | Path):
        if not Path(image).is_file():
            raise FileNotFoundError(f"The image file does not exist. Received: {image}")
        return Path(image).read_bytes()
    if isinstance(image, np.ndarray) and image.dtype == np.uint8:
        return _png(image)
    kind = f"an array of {image.dtype}" if isinstance(image, np.ndarray) else None
    raise TypeError(
        "An image is a path, its file's bytes, or a uint8 array (h, w, channels). "
        f"Received: {kind or type(image).__name__}"
    )


def _png(pixels: npt.NDArray[Any]) -> bytes:
    """Encode pixels as PNG: lossless, and much smaller than numbers as text."""
    from PIL import Image

    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim != 2 and (pixels.ndim != 3 or pixels.shape[-1] not in (3, 4)):
        raise ValueError(
            "Pixels are an array (h, w, channels) with 1, 3 or 4 channels. "
            f"Received: an array of shape {pixels.shape}"
        )
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
