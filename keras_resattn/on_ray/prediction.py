"""Classify many image files by the workers of a Ray cluster (extra `ray`)."""

from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_resattn.on_ray.cluster import connect
from keras_resattn.typing import StrPath
from keras_resattn_client.bulk import classify_each
from keras_resattn_client.extras import require_extra
from keras_resattn_client.result_formats import JsonLines
from keras_resattn_client.result_formats import Result


def classify_with_ray(
    model: StrPath,
    paths: Sequence[StrPath],
    batch_size: int = 32,
    workers: int = 2,
    allow_code: bool = False,
) -> Iterator[list[Result]]:
    """Yield the results of images in the order in which the workers finish.

    Each worker loads the model once. If an image cannot be read, its result is an
    error.

    Example:

    >>> for results in classify_with_ray("/shared/runs/demo", paths, workers=8):
    ...     file.append(results)

    Args:
        model: The path of a model folder, on a file system that all machines of
            the cluster share.
        paths: Paths of image files, on such a file system.
        batch_size: Integer, images per batch of a worker.
        workers: Integer, the number of workers.
        allow_code: Boolean, whether the workers may import the module of a basic unit
            that the recipe names as `module:Class`. This runs its code.

    Yields:
        A list of `keras_resattn_client.results.Result`.

    Raises:
        ImportError: If a package of the extra `ray` is missing.
    """
    require_extra("ray", "Predicting on Ray", ("ray", "pyarrow", "pandas"))
    connect()
    import ray.data

    ray.data.DataContext.get_current().enable_progress_bars = False
    rows = [{"image": str(Path(path).absolute()), "name": str(path)} for path in paths]
    lines = ray.data.from_items(rows).map_batches(
        _Worker,
        fn_constructor_args=[str(Path(model).absolute()), allow_code],
        batch_size=batch_size,
        concurrency=workers,
    )
    for batch in lines.iter_batches(batch_size=None):
        yield [JsonLines().read(line) for line in batch["line"]]


class _Worker:
    def __init__(self, model: str, allow_code: bool = False) -> None:
        from keras_resattn.local_classifier import LocalClassifier
        from keras_resattn.model_source import load_model

        self.classify = LocalClassifier(load_model(model, allow_code=allow_code))

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        results = classify_each([str(path) for path in batch["image"]], self.classify)
        named = (
            Result(str(name), result.classes, result.error)
            for name, result in zip(batch["name"], results, strict=True)
        )
        return {"line": [JsonLines().write(result) for result in named]}
