"""Classifying many files by the workers of a Ray cluster."""

import importlib
import os
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from keras_resattn_client.bulk import classify_each
from keras_resattn_client.results import JsonLines
from keras_resattn_client.results import Result


def classify_with_ray(
    model: str | Path,
    paths: Sequence[str | Path],
    batch_size: int = 32,
    workers: int = 2,
) -> Iterator[list[Result]]:
    """Yield the results of images as Ray Data's workers have them.

    Each worker loads the model once. Images that cannot be read become results
    with an error. The order is that in which the workers finish.

    Example:

    >>> for results in classify_with_ray("/shared/runs/demo", paths, workers=8):
    ...     file.append(results)

    Args:
        model: The path of a model folder, on a file system that all machines of
            the cluster share.
        paths: Paths of image files, on such a file system, too.
        batch_size: How many images a worker takes at a time.
        workers: How many workers.

    Yields:
        A list of `keras_resattn_client.results.Result`.

    Raises:
        ImportError: If Ray Data is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = _import("ray")
    data = _import("ray.data")
    if not ray.is_initialized():
        ray.init(include_dashboard=False)
    data.DataContext.get_current().enable_progress_bars = False
    rows = [{"image": str(Path(path).absolute()), "name": str(path)} for path in paths]
    lines = data.from_items(rows).map_batches(
        _Worker,
        fn_constructor_args=[str(Path(model).absolute())],
        batch_size=batch_size,
        concurrency=workers,
    )
    for batch in lines.iter_batches(batch_size=None):
        yield [JsonLines().read(line) for line in batch["line"]]


class _Worker:
    def __init__(self, model):
        from keras_resattn.local_classifier import LocalClassifier

        self.classify = LocalClassifier(model)

    def __call__(self, batch):
        results = classify_each([str(path) for path in batch["image"]], self.classify)
        named = (
            Result(str(name), result.classes, result.error)
            for name, result in zip(batch["name"], results, strict=True)
        )
        return {"line": [JsonLines().write(result) for result in named]}


def _import(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            'Predicting on Ray needs it installed: pip install "keras-resattn[ray]". '
            f"Received: {error}"
        ) from error
