"""Evaluation of a model folder on labelled images."""

import dataclasses
import json
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from keras_resattn.atomic_writing import write_beside
from keras_resattn.data import EvaluationImages
from keras_resattn.data import PythonData
from keras_resattn.data import evaluation_images
from keras_resattn.data import is_of_recipe
from keras_resattn.model_folder import ENVIRONMENT
from keras_resattn.model_folder import EVALUATION
from keras_resattn.model_folder import ModelFolder
from keras_resattn.training.classification_metrics import CalibrationBin
from keras_resattn.training.classification_metrics import ClassResult
from keras_resattn.training.classification_metrics import calibration_bins
from keras_resattn.training.classification_metrics import calibration_error
from keras_resattn.training.classification_metrics import class_results
from keras_resattn.training.classification_metrics import confusion_matrix
from keras_resattn.training.classification_metrics import top_accuracy
from keras_resattn.training.classification_metrics import usual_confidence
from keras_resattn.training.environment import latest
from keras_resattn.training.predicted_images import UNKNOWN
from keras_resattn.training.predicted_images import PredictedImage
from keras_resattn.training.predicted_images import PredictedImages
from keras_resattn.training.predicted_images import least_sure
from keras_resattn.training.predicted_images import most_sure_and_wrong
from keras_resattn.training.predicted_images import predict_images
from keras_resattn.training.predicted_images import write_predictions
from keras_resattn.training.run_card import write_run_card
from keras_resattn.typing import StrPath

TOP = 5


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The results of a model on labelled images.

    Attributes:
        data: The name of the data set.
        count: The number of images with a class of the model; the results are theirs.
        loss: The mean cross-entropy in nats, as `fit` computes it for validation
            images: with the label smoothing of the recipe, without its class weights.
        accuracy: The share of images whose most probable class is the true one.
        confusion: Counts of images, with a row for each true class and a column
            for each predicted class.
        split: "train", "validation", "test" or "all".
        top5_accuracy: The share of images whose class is one of the five most
            probable. `None` for a model with five classes or fewer.
        calibration_error: The expected calibration error, see
            `keras_resattn.training.classification_metrics.calibration_error`.
        label_smoothing: The label smoothing of the loss.
        classes: The results of each class.
        unknown: The number of images of each class that the model does not have.
        unreadable: The number of image files that could not be read.
        notes: Sentences about what was left out and decided.
        calibration: The curve of the calibration, see
            `keras_resattn.training.classification_metrics.calibration_bins`.
        wrong: The wrongly predicted images with the highest probabilities.
        least_sure: The images with the lowest probabilities of the predicted class.
        usual_confidence: See
            `keras_resattn.training.classification_metrics.usual_confidence`.
    """

    data: str
    count: int
    loss: float
    accuracy: float
    confusion: list[list[int]]
    split: str = "test"
    top5_accuracy: float | None = None
    calibration_error: float = 0.0
    label_smoothing: float = 0.0
    classes: tuple[ClassResult, ...] = ()
    unknown: Mapping[str, int] = dataclasses.field(default_factory=dict)
    unreadable: int = 0
    notes: tuple[str, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    wrong: tuple[PredictedImage, ...] = ()
    least_sure: tuple[PredictedImage, ...] = ()
    usual_confidence: float | None = None

    def to_json(self) -> str:
        """Return the evaluation as JSON."""
        # In ASCII, because names of files can have bytes that are not UTF-8.
        return json.dumps(dataclasses.asdict(self))


def evaluate(
    folder: ModelFolder,
    batch_size: int = 64,
    data: StrPath | PythonData | None = None,
    split: str | None = None,
    predictions: StrPath | None = None,
    data_dir: StrPath | None = None,
) -> Evaluation:
    """Test a model on labelled images.

    Images of classes that the model does not have, and image files that cannot be
    read, are left out and counted.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> evaluate(folder).accuracy
    >>> evaluate(folder, data="holiday", predictions="holiday.csv").unreadable

    Args:
        folder: A `ModelFolder`. The results on the test images of its recipe are
            written into `evaluation.json` and `card.md`.
        batch_size: The number of images per batch.
        data: The path of a folder of class folders or of a CSV file, the name of a
            data set, or images as for `keras_resattn.data.load_python_data`.
            Defaults to the images of the recipe.
        split: "train", "validation" or "test". Defaults to "test". Other images than
            those of the recipe, if they have no splits, are all used.
        predictions: The path of a CSV file to write, with a line for each image.
        data_dir: The folder of tensorflow-datasets. Defaults to the recipe's.

    Returns:
        An `Evaluation`.

    Raises:
        FileNotFoundError: If there is no such folder, file or data set.
        TypeError: If `folder` is not a `ModelFolder`.
        ValueError: If there are no images of classes of the model, or it is not known
            with which data the model was trained and `data` is `None`.
    """
    if not isinstance(folder, ModelFolder):
        raise TypeError(
            "Open the model first: keras_resattn.load_model('runs/demo'). "
            f"Received: folder={folder!r}"
        )
    if data is None:
        folder.check_data()
    settings = folder.recipe.data
    if data_dir is not None:
        settings = settings.model_copy(update={"data_dir": str(data_dir)})
    images = evaluation_images(
        data, settings, folder.labels, folder.preprocessing, split, folder.recipe.seed
    )
    images, tested = _predict(folder, images, batch_size)
    evaluation = _results(folder, images, tested)
    if predictions is not None:
        write_predictions(predictions, tested, folder.labels, images.unreadable)
    if not is_of_recipe(data, settings):
        return evaluation
    evaluation = _with_note(evaluation, _changed_count(folder, images))
    return _written(evaluation, folder) if images.part == "test" else evaluation


def _written(evaluation: Evaluation, folder: ModelFolder) -> Evaluation:
    """Write the results into the model folder, or add a note that it was impossible."""
    text = evaluation.to_json()
    try:
        write_beside(
            folder.path / EVALUATION, lambda path: path.write_text(text, "utf-8")
        )
    except OSError as error:
        note = f"The results are not written into the model folder: {error}."
        return _with_note(evaluation, note)
    try:
        write_run_card(folder.path)
    except OSError as error:
        return _with_note(evaluation, f"The model card does not have them: {error}.")
    return evaluation


def _changed_count(folder: ModelFolder, images: EvaluationImages) -> str:
    """Return a note if the run had another number of images, otherwise ""."""
    path = folder.path / ENVIRONMENT
    if not path.is_file():
        return ""
    stored = latest(json.loads(path.read_text("utf-8"))).get(f"{images.part} images")
    readable = images.split.count  # the training counts files that it did not decode
    same = (readable, readable + len(images.unreadable))
    if stored is None or stored in [f"{count:,}" for count in same]:
        return ""
    counts = (
        f"There were {stored} {images.part} images when the model was trained, and "
        f"there are {readable:,} now."
    )
    if images.part == "train":
        return counts
    return f"{counts} The model can have been trained on some of them."


def _with_note(evaluation: Evaluation, note: str) -> Evaluation:
    notes = (*evaluation.notes, *([note] if note else []))
    return dataclasses.replace(evaluation, notes=notes)


def _predict(
    folder: ModelFolder, images: EvaluationImages, batch_size: int
) -> tuple[EvaluationImages, PredictedImages]:
    """Return the images that can be read, and the predictions for them."""
    try:
        return images, predict_images(folder, images, batch_size)
    except tf.errors.OpError:
        readable = images.without_unreadable(folder.preprocessing)
        if not readable.unreadable:
            raise
    return readable, predict_images(folder, readable, batch_size)


def _results(
    folder: ModelFolder, images: EvaluationImages, tested: PredictedImages
) -> Evaluation:
    known = tested.truth != UNKNOWN
    if not known.any():
        raise ValueError(
            "None of the images has a class of the model, which are "
            f"{', '.join(folder.labels[:10])}; use the same names. "
            f"Received: {', '.join(images.labels[:10])} in {images.name}"
        )
    truth, probabilities = tested.truth[known], tested.probabilities[known]
    predicted = probabilities.argmax(axis=1)
    classes = len(folder.labels)
    top5 = top_accuracy(truth, probabilities, TOP) if classes > TOP else None
    confusion = confusion_matrix(truth, predicted, classes)
    names, counts = np.unique(np.array(tested.labels)[~known], return_counts=True)
    return Evaluation(
        data=images.name,
        count=len(truth),
        loss=float(tested.losses[known].mean(dtype="float64")),
        accuracy=float(np.mean(predicted == truth)),
        confusion=confusion.tolist(),
        split=images.part,
        top5_accuracy=top5,
        calibration_error=calibration_error(truth, probabilities),
        label_smoothing=folder.recipe.train.label_smoothing,
        classes=tuple(class_results(confusion, folder.labels)),
        unknown=dict(zip(names.tolist(), counts.tolist(), strict=True)),
        unreadable=len(images.unreadable),
        notes=images.notes,
        calibration=tuple(calibration_bins(truth, probabilities)),
        wrong=tuple(most_sure_and_wrong(tested, folder.labels)),
        least_sure=tuple(least_sure(tested, folder.labels)),
        usual_confidence=usual_confidence(probabilities),
    )
