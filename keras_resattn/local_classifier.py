"""Classifying files by a model folder."""

from collections.abc import Sequence

from keras_resattn.model_folder import ModelFolder
from keras_resattn_client.bulk import BadImage
from keras_resattn_client.results import Result


class LocalClassifier:
    """Classifies files by the model of a folder, which it loads.

    Args:
        path: The path of a model folder.
    """

    def __init__(self, path):
        self.folder = ModelFolder.open(path)
        self.labels = self.folder.labels
        self.folder.model  # noqa: B018  (a broken model is no fault of an image)

    def __call__(self, paths: Sequence[str]) -> list[Result]:
        try:
            pixels = self.folder.images(paths)
        except (ValueError, OSError) as error:
            raise BadImage(str(error).partition(" Received: ")[0]) from error
        standardized = self.folder.preprocessing.standardize(pixels)
        probabilities = self.folder.model.predict_on_batch(standardized)
        return [
            Result(path, self._ranked(row.tolist()))
            for path, row in zip(paths, probabilities, strict=True)
        ]

    def _ranked(self, row):
        pairs = zip(self.labels, row, strict=True)
        return tuple(sorted(pairs, key=lambda pair: -pair[1]))
