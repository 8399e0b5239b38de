"""Classify image files with a model folder."""

from collections.abc import Sequence

import numpy as np

from keras_resattn.data import try_images
from keras_resattn.doubt import doubt
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import StrPath
from keras_resattn_client.result_formats import Result


class LocalClassifier:
    """Classify image files with a model, which is loaded once.

    Args:
        model: A `ModelFolder`, or the path of one.
    """

    def __init__(self, model: ModelFolder | StrPath) -> None:
        if not isinstance(model, ModelFolder):
            model = ModelFolder.open(model)
        self.folder = model
        self.labels = self.folder.labels
        self._usual_confidence = self.folder.usual_confidence
        self.folder.model  # noqa: B018  (load it now: a broken model is not an error of an image)

    def __call__(self, paths: Sequence[str]) -> list[Result]:
        """Return the result of each file: its classes, or why it cannot be read."""
        pixels, reasons = try_images(paths, self.folder.preprocessing)
        rows = iter(self._probabilities(pixels))
        return [
            Result(path, error=f"The file {reason}.")
            if reason
            else self._result(path, next(rows).tolist())
            for path, reason in zip(paths, reasons, strict=True)
        ]

    def _result(self, path, row):
        notice = doubt(max(row), self._usual_confidence)
        return Result(path, self._ranked(row), notice=notice)

    def _probabilities(self, pixels):
        if not len(pixels):
            return pixels
        standardized = self.folder.preprocessing.standardize(pixels)
        # Keras on JAX does not take TensorFlow's tensors.
        return self.folder.model.predict_on_batch(np.asarray(standardized))

    def _ranked(self, row):
        pairs = zip(self.labels, row, strict=True)
        return tuple(sorted(pairs, key=lambda pair: -pair[1]))
