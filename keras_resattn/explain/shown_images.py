"""Images as figures show them: their pixels, and what their titles state."""

from collections import deque
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data import read_pictures
from keras_resattn.doubt import doubt
from keras_resattn.explain.explanation import Explanation
from keras_resattn.explain.explanation import explain_batches
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import Array

# The longer side, in pixels, of the images in the figures.
SHOWN_SIZE = 320


def picture_batches(
    preprocessing: Preprocessing, paths: Sequence[Path], batch_size: int
) -> Iterator[tuple[list[Array], Array]]:
    """Yield batches: the pictures to show, and the inputs of the network.

    Args:
        preprocessing: The `Preprocessing` of the network.
        paths: Paths of images.
        batch_size: Integer, images per batch.
    """
    for start in range(0, len(paths), batch_size):
        pictures = read_pictures(paths[start : start + batch_size], preprocessing)
        sized = [
            tf.cast(preprocessing.resize(picture), tf.float32) for picture in pictures
        ]
        inputs = preprocessing.standardize(tf.stack(sized)).numpy()
        shown = [preprocessing.shown(picture, SHOWN_SIZE) for picture in pictures]
        yield [picture.numpy() for picture in shown], inputs


def explained_pictures(
    folder: ModelFolder, paths: Sequence[Path], batch_size: int, *arguments: Any
) -> Iterator[tuple[list[Array], Explanation]]:
    """Return an iterator over batches: the pictures to show, and their `Explanation`.

    Args:
        folder: A `ModelFolder`.
        paths: Paths of images.
        batch_size: Integer, images per batch.
        *arguments: Further arguments of `explain_batches`. Wrong ones raise errors
            before an image is read.
    """
    held: deque[list[Array]] = deque()  # only the pictures of the current batch

    def batches() -> Iterator[Array]:
        for pictures, inputs in picture_batches(
            folder.preprocessing, paths, batch_size
        ):
            held.append(pictures)
            yield inputs

    explanations = explain_batches(folder.model, batches(), *arguments)
    return ((held.pop(), explanation) for explanation in explanations)


def image_title(
    folder: ModelFolder, name: str, picture: Array, probabilities: Array
) -> str:
    """Return the title of an image: its name, how it is seen, the predicted class.

    Args:
        folder: The `ModelFolder`.
        name: The name of the image.
        picture: The image as it is shown, an array `(h, w, C)`.
        probabilities: An array `(classes,)`, the output of the network.
    """
    best = int(probabilities.argmax())
    probability = float(probabilities[best])
    unsure = " (unsure)" if doubt(probability, folder.usual_confidence) else ""
    predicted = f"predicted: {folder.labels[best]}, {probability:.0%}{unsure}"
    return f"{name}\n{seen_at(folder.preprocessing, picture)}\n{predicted}"


def seen_at(preprocessing: Preprocessing, picture: Array) -> str:
    """Return how the network sees an image, such as "seen at 32 x 32, squashed".

    Args:
        preprocessing: The `Preprocessing` of the network.
        picture: The image as it is shown, an array `(h, w, C)`. It has another aspect
            ratio than the input of the network only if it is squashed.
    """
    height, width = preprocessing.input_shape[:2]
    (h, w), aspect = picture.shape[:2], preprocessing.aspect
    is_same = abs(w / h - width / height) < 0.01 * width / height
    how = {"squash": "" if is_same else ", squashed", "crop": ", its middle"}
    return f"seen at {width} x {height}{how.get(aspect, ', padded')}"
