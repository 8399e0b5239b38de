"""The images that a quantized export is calibrated and compared on."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_resattn.data.image_files import try_images
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.data.sources import is_folder
from keras_resattn.data.sources import load
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn_client.image_files import LeftOut
from keras_resattn_client.image_files import describe_left_out
from keras_resattn_client.image_files import find_images

COUNT = 512
HELD_OUT = 128
FEWEST = 2


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Images to calibrate on.

    Attributes:
        source: The name of the data or the path of the folder.
        pixels: Float32 array `(N, H, W, C)`, 0 to 255, to calibrate on.
        held_out: Other images in the same form, to compare on.
        notes: Sentences about what was left out.
    """

    source: str
    pixels: Array
    held_out: Array
    notes: tuple[str, ...] = ()


def calibration_images(
    folder: ModelFolder,
    data: StrPath,
    data_dir: StrPath | None = None,
    count: int = COUNT,
) -> Calibration:
    """Read images to calibrate on. Their classes do not matter.

    Up to `count + 128` images are chosen evenly from all. A fifth of them, at most 128,
    is not calibrated on but compared on.

    Example:

    >>> folder = keras_resattn.load_model("cifar10")
    >>> calibration_images(folder, "photographs").pixels.shape
    (512, 32, 32, 3)

    Args:
        folder: The `ModelFolder`.
        data: The path of a folder, which is searched for images; or the path of a CSV
            file or the name of a data set, whose training images are read.
        data_dir: The folder of tensorflow-datasets. Defaults to the recipe's.
        count: Integer, the largest number of images to calibrate on.

    Raises:
        FileNotFoundError: If there is no such folder or data set.
        ValueError: If fewer than two images can be read.
    """
    given = {"name": str(data), "on_error": "stop", "correct_labels": 1.0}
    settings = folder.recipe.data.model_copy(update=given)
    if data_dir is not None:
        settings = settings.model_copy(update={"data_dir": str(data_dir)})
    wanted = count + HELD_OUT
    notes: tuple[str, ...] = ()
    if is_folder(settings):
        path = Path(data).expanduser()
        pixels, notes = _of_folder(path, folder.preprocessing, wanted)
    else:
        training = load(settings, folder.preprocessing, folder.recipe.seed).train
        if training.paths:
            pixels, notes = _of_files(training.paths, folder.preprocessing, wanted)
        else:
            pixels = _of_split(training, folder.preprocessing, wanted)
    if len(pixels) < FEWEST:
        raise ValueError(
            f"Calibrating needs at least {FEWEST} images that can be read; some "
            f"hundreds are better. Received: {len(pixels)} in {data}"
        )
    held_out = min(HELD_OUT, max(1, len(pixels) // 5))
    order = np.random.default_rng(0).permutation(len(pixels))
    calibrating = order[held_out : held_out + count]
    return Calibration(str(data), pixels[calibrating], pixels[order[:held_out]], notes)


def _of_folder(
    folder: Path, preprocessing: Preprocessing, wanted: int
) -> tuple[Array, tuple[str, ...]]:
    left_out: LeftOut = LeftOut()
    found = find_images([folder], left_out)
    pixels, notes = _of_files(found, preprocessing, wanted)
    return pixels, (
        (describe_left_out(left_out), *notes) if left_out.total() else notes
    )


def _of_files(
    files: Sequence[StrPath], preprocessing: Preprocessing, wanted: int
) -> tuple[Array, tuple[str, ...]]:
    chosen = [files[number] for number in evenly(len(files), wanted)]
    pixels, reasons = try_images(chosen, preprocessing)
    bad = [path for path, reason in zip(chosen, reasons, strict=True) if reason]
    note = (
        f"{len(bad)} of {len(chosen)} images cannot be read and are left out. The "
        f"first one: {bad[0] if bad else ''}"
    )
    return pixels, (note,) if bad else ()


def _of_split(split: Split, preprocessing: Preprocessing, wanted: int) -> Array:
    is_chosen = np.zeros(split.count, bool)
    is_chosen[evenly(split.count, wanted)] = True
    encoded = split.images if split.encoded is None else split.encoded(None)
    decode = tf.identity if split.encoded is None else split.decode
    chosen = encoded.enumerate().filter(lambda i, _: tf.gather(is_chosen, i))
    images = chosen.map(lambda _, pair: preprocessing.resize(decode(pair[0])))
    return np.stack([tf.cast(image, tf.float32).numpy() for image in images])


def evenly(count: int, wanted: int) -> Array:
    """Return up to `wanted` numbers from 0 to `count - 1`, evenly spaced."""
    chosen = min(count, wanted)
    return np.arange(chosen) * count // max(1, chosen)
