"""The predictions of a model for labelled images."""

import csv
import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from keras_resattn.atomic_writing import write_beside
from keras_resattn.data import EvaluationImages
from keras_resattn.data import evaluation_batches
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn.typing import Tensor

# The number of a class that the model does not have.
UNKNOWN = -1
# How many of the least sure and of the wrong images an evaluation keeps.
KEPT = 50
COLUMNS = (
    *("image", "label", "predicted", "probability", "label_probability"),
    *("loss", "left_out"),
)


@dataclasses.dataclass(frozen=True)
class PredictedImages:
    """Labelled images with the predictions of a model.

    Attributes:
        names: The path of each image, or its number in the data set, from 0.
        labels: The name of the true class of each image.
        truth: An int64 array `(n,)`, the number of this class in the model, -1 if it
            does not have the class.
        probabilities: A float32 array `(n, classes)`.
        losses: A float32 array `(n,)`, the cross-entropy in nats.
    """

    names: list[str]
    labels: list[str]
    truth: Array
    probabilities: Array
    losses: Array


@dataclasses.dataclass(frozen=True)
class PredictedImage:
    """The prediction of a model for one labelled image.

    Attributes:
        name: The path of the image, or its number in the data set, from 0.
        label: The name of the true class.
        predicted: The name of the most probable class.
        probability: The probability of the most probable class.
    """

    name: str
    label: str
    predicted: str
    probability: float


class ImageLoss(keras.layers.Layer):
    """Compute the loss of each image as `fit` does for validation images.

    As a layer behind the network, Keras computes it from the logits. From the
    probabilities alone, it could not be above 16.

    Args:
        label_smoothing: Float, see `keras.losses.CategoricalCrossentropy`.
    """

    def __init__(self, label_smoothing: float) -> None:
        super().__init__(dtype="float32")
        self.label_smoothing = label_smoothing

    def call(self, labels: Tensor, probabilities: Tensor) -> Tensor:
        return keras.losses.categorical_crossentropy(
            labels, probabilities, label_smoothing=self.label_smoothing
        )


def predict_images(
    folder: ModelFolder, images: EvaluationImages, batch_size: int
) -> PredictedImages:
    """Run a model on labelled images.

    Args:
        folder: The `ModelFolder`.
        images: The images.
        batch_size: The number of images per batch.
    """
    numbers = {label: number for number, label in enumerate(folder.labels)}
    numbers_in_model = np.array(
        [numbers.get(label, UNKNOWN) for label in images.labels]
    )
    # The last row is for unknown classes; their losses are not used.
    one_hot = np.eye(len(numbers) + 1, len(numbers), dtype="float32")
    model = _with_losses(folder.model, folder.recipe.train.label_smoothing)
    batches = evaluation_batches(images.split, folder.preprocessing, batch_size)
    answers = []
    for pixels, labels in batches.as_numpy_iterator():
        truth = numbers_in_model[labels]
        answers.append(
            (labels, truth, *model.predict_on_batch([pixels, one_hot[truth]]))
        )
    labels, truth, probabilities, losses = map(
        np.concatenate, zip(*answers, strict=True)
    )
    return PredictedImages(
        list(images.split.paths) or [str(i) for i in range(len(labels))],
        [images.labels[number] for number in labels],
        truth,
        probabilities,
        losses,
    )


def most_sure_and_wrong(
    tested: PredictedImages, labels: Sequence[str], count: int = KEPT
) -> list[PredictedImage]:
    """Return wrongly predicted images, the highest probability first."""
    best = tested.probabilities.argmax(axis=1)
    wrong = np.flatnonzero((best != tested.truth) & (tested.truth != UNKNOWN))
    return _first(tested, labels, wrong, -tested.probabilities.max(axis=1), count)


def least_sure(
    tested: PredictedImages, labels: Sequence[str], count: int = KEPT
) -> list[PredictedImage]:
    """Return the images of known classes with the lowest highest probability."""
    known = np.flatnonzero(tested.truth != UNKNOWN)
    return _first(tested, labels, known, tested.probabilities.max(axis=1), count)


def _first(
    tested: PredictedImages,
    labels: Sequence[str],
    images: Array,
    order: Array,
    count: int,
) -> list[PredictedImage]:
    best = tested.probabilities.argmax(axis=1)
    return [
        PredictedImage(
            tested.names[i],
            tested.labels[i],
            labels[best[i]],
            float(tested.probabilities[i, best[i]]),
        )
        for i in images[np.argsort(order[images], kind="stable")[:count]]
    ]


def write_predictions(
    path: StrPath,
    tested: PredictedImages,
    labels: Sequence[str],
    unreadable: Mapping[str, str],
) -> None:
    """Write a CSV file with a line for each image.

    The column `left_out` has the reason for images that do not count in the results:
    their class is not one of the model, or they cannot be read.

    Args:
        path: The path of the file.
        tested: The predictions.
        labels: The names of the classes of the model.
        unreadable: The paths of images that cannot be read, with the reasons.
    """
    path = Path(path)

    def write(beside: Path) -> None:
        # Names of files can have bytes that are not UTF-8; they stay as they are.
        with beside.open("w", -1, "utf-8", "surrogateescape", "") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(_rows(tested, labels))
            for name, reason in unreadable.items():
                writer.writerow((name, *[""] * (len(COLUMNS) - 2), reason))

    write_beside(path, write)


def _rows(tested: PredictedImages, labels: Sequence[str]) -> list[tuple[str, ...]]:
    best = tested.probabilities.argmax(axis=1)
    rows = []
    for i, (name, label) in enumerate(zip(tested.names, tested.labels, strict=True)):
        row = [name, label, labels[best[i]], f"{tested.probabilities[i, best[i]]:.6f}"]
        if tested.truth[i] == UNKNOWN:
            row += ["", "", "not a class of the model"]
        else:
            probability = tested.probabilities[i, tested.truth[i]]
            row += [f"{probability:.6f}", f"{tested.losses[i]:.6f}", ""]
        rows.append(tuple(row))
    return rows


def _with_losses(model: keras.Model, label_smoothing: float) -> keras.Model:
    """Return a model from images and one-hot labels to probabilities and losses."""
    pixels = keras.Input(model.input_shape[1:])
    labels = keras.Input(model.output_shape[1:])
    probabilities = model(pixels)
    losses = ImageLoss(label_smoothing)(labels, probabilities)
    return keras.Model([pixels, labels], [probabilities, losses])
