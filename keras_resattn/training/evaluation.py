"""Evaluation of a model folder: accuracy, loss and confusion."""

import dataclasses
import json

import keras
import numpy as np
import tensorflow as tf

from keras_resattn.data import evaluation_batches
from keras_resattn.data import naming_unreadable_images
from keras_resattn.model_folder import EVALUATION
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import write_beside
from keras_resattn.training.run_card import write_run_card
from keras_resattn.typing import StrPath


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The results of a model on a test set.

    Attributes:
        data: The name of the data set.
        count: The number of images.
        loss: The mean cross-entropy in nats.
        accuracy: The share of images whose most probable class is the true one.
        confusion: Counts of images, with a row for each true class and a column
            for each predicted class.
    """

    data: str
    count: int
    loss: float
    accuracy: float
    confusion: list[list[int]]


def evaluate(
    folder: ModelFolder,
    batch_size: int = 64,
    name: StrPath | None = None,
    data_dir: StrPath | None = None,
) -> Evaluation:
    """Test a model on test images, and save the results.

    Example:

    >>> evaluate(ModelFolder.open("runs/demo")).accuracy

    Args:
        folder: A `ModelFolder`. `evaluation.json` is written into it, and
            `card.md` is written again with the results.
        batch_size: The number of images per batch.
        name: The name or the folder of other data: see
            `ModelFolder.labelled_images`. Defaults to the recipe's.
        data_dir: The folder of tensorflow-datasets. Defaults to the recipe's.

    Returns:
        An `Evaluation`.
    """
    data = folder.labelled_images(name, data_dir)
    batches = evaluation_batches(data.test, folder.preprocessing, batch_size)
    with naming_unreadable_images(data, folder.preprocessing):
        answers = [
            (labels, folder.model.predict_on_batch(images))
            for images, labels in batches.as_numpy_iterator()
        ]
    truth, probabilities = map(np.concatenate, zip(*answers, strict=True))
    predicted = probabilities.argmax(axis=-1)
    losses = keras.losses.sparse_categorical_crossentropy(truth, probabilities)
    confusion = tf.math.confusion_matrix(truth, predicted, len(data.labels))
    evaluation = Evaluation(
        data=data.name,
        count=len(truth),
        loss=float(np.mean(losses)),
        accuracy=float(np.mean(predicted == truth)),
        confusion=confusion.numpy().tolist(),
    )
    text = json.dumps(dataclasses.asdict(evaluation))
    write_beside(folder.path / EVALUATION, lambda path: path.write_text(text))
    write_run_card(folder.path)
    return evaluation
