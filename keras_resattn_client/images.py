"""Put the images of a user into batches as the server takes them."""

import io
import os
import sys
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_resattn_client import contract

Inputs = dict[str, np.ndarray | list[bytes]]

# Resizing computes sums of products, which can end a little beyond 0 and 255.
ROUNDING = 0.01
# Below the 64 MiB that the embedded server reads, in base64 too.
MAX_BATCH_BYTES = 32 * 1024 * 1024


def input_batches(
    images: object, batch_size: int, bytes_per_float: int = 4
) -> Iterator[tuple[Inputs, list[str]]]:
    """Yield the inputs of a signature, batch by batch, and the names of their images.

    Files are read when their batch is needed.

    Args:
        images: As for `Client.predict`.
        batch_size: Images per batch at most; fewer if they are large.
        bytes_per_float: The size of a float32 in a message.

    Yields:
        A tuple: `{"image_bytes": [...]}` or `{"images": array}`; and for errors the
        path of each image, or `"number 3"` for the fourth one if it has no path.
    """
    if isinstance(images, np.ndarray) and images.dtype.kind == "f":
        yield from _pixel_batches(images, batch_size, bytes_per_float)
        return
    batch: list[bytes] = []
    names: list[str] = []
    size = 0
    for number, image in enumerate(_one_by_one(images)):
        encoded = _encoded(image)
        if batch and (
            len(batch) == batch_size or size + len(encoded) > MAX_BATCH_BYTES
        ):
            yield {contract.IMAGE_BYTES: batch}, names
            batch, names, size = [], [], 0
        batch.append(encoded)
        is_path = isinstance(image, str | os.PathLike)
        names.append(str(image) if is_path else f"number {number}")
        size += len(encoded)
    if not batch:
        raise ValueError("Give one image or more. Received: none")
    yield {contract.IMAGE_BYTES: batch}, names


def _pixel_batches(
    images: np.ndarray, batch_size: int, bytes_per_float: int
) -> Iterator[tuple[Inputs, list[str]]]:
    if images.ndim != 4 or not len(images):
        raise ValueError(
            "Pixels as floats are an array (N, h, w, channels), 0 to 255, of one "
            f"image or more. Received: an array of shape {images.shape}"
        )
    low, high = float(images.min()), float(images.max())
    if not (-ROUNDING <= low and high <= 255 + ROUNDING) or 0 < high <= 1 + ROUNDING:
        scaled = -ROUNDING <= low and high <= 1 + ROUNDING
        remedy = "multiply them by 255" if scaled else "scale them"
        raise ValueError(
            "Pixels as floats must be from 0 to 255, because the server standardizes "
            f"them; {remedy}. Received: an array with values from {low:g} to {high:g}"
        )
    fitting = MAX_BATCH_BYTES // max(images[0].size * bytes_per_float, 1)
    batch_size = max(1, min(batch_size, fitting))
    for start in range(0, len(images), batch_size):
        pixels = images[start : start + batch_size].astype(np.float32, copy=False)
        names = [f"number {start + row}" for row in range(len(pixels))]
        yield {contract.IMAGES: pixels}, names


def _one_by_one(images: Any) -> Iterable[object]:
    single = isinstance(images, str | bytes | os.PathLike) or _is_pillow(images)
    if single or (isinstance(images, np.ndarray) and images.ndim < 4):
        return [images]
    found: Iterable[object] = images
    return found


def _encoded(image: object) -> bytes:
    if isinstance(image, bytes):
        return image
    if isinstance(image, str | os.PathLike):
        if not Path(image).is_file():
            raise FileNotFoundError(
                f"There is no such file; give an image. Received: {image}"
            )
        # As it is: the server applies the orientation that EXIF notes.
        return Path(image).read_bytes()
    if isinstance(image, np.ndarray) and image.dtype == np.uint8:
        return _png(image)
    if _is_pillow(image):
        return _png(pixels_of_pillow(image))
    kind = f"an array of {image.dtype}" if isinstance(image, np.ndarray) else None
    raise TypeError(
        "An image is a path, its file's bytes, a Pillow image, or a uint8 array "
        "(h, w, channels). "
        f"Received: {kind or type(image).__name__}"
    )


def _is_pillow(image: object) -> bool:
    # Without an import: Pillow is needed for such images only.
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(image, pillow.Image)


def pixels_of_pillow(image: Any) -> np.ndarray:
    """Return the pixels of a Pillow image as a file of it would be read.

    Args:
        image: A `PIL.Image.Image`. It is turned upright, and its transparency is
            left out. Of 16 bits the upper ones are kept. Integers of 32 bits up to
            255 are taken for pixels of 8 bits, because Pillow does not state how many
            bits were meant.

    Returns:
        A uint8 array `(h, w)` of a grey image, otherwise `(h, w, 3)`.

    Raises:
        ValueError: If the image has floats, or integers of more than 16 bits.
    """
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":  # integers of 16 or 32 bits, or floats
        return _in_eight_bits(np.asarray(image), image.mode)
    return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def _in_eight_bits(pixels: np.ndarray, mode: str) -> np.ndarray:
    low, high = pixels.min(), pixels.max()
    if pixels.dtype.kind == "f" or low < 0 or high > 65_535:
        raise ValueError(
            "A PIL image must have 8 or 16 bits per channel. Give other pixels as "
            f"an array of values from 0 to 255. Received: an image of mode {mode!r} "
            f"with values from {low:g} to {high:g}"
        )
    if high <= 255 and not mode.startswith("I;16"):
        return pixels.astype(np.uint8)
    return (pixels.astype(np.int64) >> 8).astype(np.uint8)


def _png(pixels: np.ndarray) -> bytes:
    """Return pixels as PNG: no loss, and far smaller than numbers as text."""
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
