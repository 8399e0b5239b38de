"""Train a network on a Ray cluster (extra `ray`)."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_resattn.data.manifest import is_manifest
from keras_resattn.data.sources import is_folder
from keras_resattn.model_folder import ModelFolder
from keras_resattn.on_ray.cluster import connect
from keras_resattn.recipes.settings import Recipe
from keras_resattn.training.run import Run
from keras_resattn.training.watch import Watch
from keras_resattn.typing import StrPath
from keras_resattn_client.extras import require_extra


def train_with_ray(
    recipe: Recipe,
    out: StrPath,
    workers: int = 2,
    use_gpu: bool | None = None,
    max_failures: int = 3,
    sync_batch_norm: bool = False,
    watch: Watch | None = None,
    allow_code: bool = False,
) -> ModelFolder:
    """Train a network by a recipe, on several workers of a Ray cluster.

    Each batch is divided among the workers. If a worker fails, Ray restarts all of
    them, and they resume after the last complete epoch in `out`. The result is the same
    as without the failure. If there is an interrupted run in `out`, it is resumed in
    the same way. Workers run in their own folders, so relative paths in the recipe are
    made absolute.

    Example:

    >>> folder = train_with_ray(load_recipe("demo"), "/shared/runs/demo", workers=2)

    Args:
        recipe: A `Recipe`.
        out: The path of the model folder to write, on a file system that all
            machines of the cluster share.
        workers: Integer, the number of workers.
        use_gpu: Boolean, whether each worker uses a GPU. Defaults to `True` if the
            cluster has at least as many GPUs as workers.
        max_failures: Integer, the largest number of restarts.
        sync_batch_norm: Boolean, whether batch normalization uses the statistics of
            the whole batch instead of each worker's part.
        watch: A `Watch`, for TensorBoard and trackers. Defaults to none.
        allow_code: Boolean, whether the workers may import the module of a basic unit
            that the recipe names as `module:Class`. This runs its code.

    Returns:
        The `ModelFolder`.

    Raises:
        ImportError: If a package of the extra `ray` is missing.
        RuntimeError: If training failed more often than `max_failures`, or for
            a permanent reason (Ray's `TrainingFailedError`).
    """
    require_extra("ray", "Training on Ray", ("ray", "pyarrow", "tensorboardX"))
    connect()
    import ray
    from ray import train
    from ray.train.tensorflow import TensorflowTrainer

    out = Run(out).out.absolute()
    if use_gpu is None:
        use_gpu = ray.cluster_resources().get("GPU", 0) >= workers
    trainer = TensorflowTrainer(
        _train,
        train_loop_config={
            "recipe": with_absolute_paths(recipe).model_dump(mode="json"),
            "out": str(out),
            "sync_batch_norm": sync_batch_norm,
            "watch": dataclasses.asdict(watch or Watch()),
            "allow_code": allow_code,
        },
        scaling_config=train.ScalingConfig(num_workers=workers, use_gpu=use_gpu),
        run_config=train.RunConfig(
            # A hidden folder for the files of Ray, next to the unfinished run.
            name=f".{out.name}.ray",
            storage_path=str(out.parent),
            failure_config=train.FailureConfig(max_failures=max_failures),
        ),
    )
    trainer.fit()
    return ModelFolder.open(out)


def with_absolute_paths(recipe: Recipe) -> Recipe:
    """Return a recipe that names the same files in any working directory.

    Args:
        recipe: A `Recipe`. Names of data sets and of weights, and URLs, do not
            change.
    """
    data, network = recipe.data, recipe.network
    paths = {
        "name": _absolute(
            data.name, lambda _: is_manifest(data.name) or is_folder(data)
        ),
        # A download may create it later, so it need not exist.
        "data_dir": _absolute(data.data_dir, lambda folder: "://" not in folder),
    }
    weights = {"weights": _absolute(network.weights, os.path.isfile)}
    changed = {
        "data": data.model_copy(update=paths),
        "network": network.model_copy(update=weights),
    }
    return recipe.model_copy(update=changed)


def _absolute(name: str | None, is_path: Callable[[str], bool]) -> str | None:
    expanded = os.path.expanduser(name or "")
    return str(Path(expanded).absolute()) if name and is_path(expanded) else name


def _train(settings: dict[str, Any]) -> None:
    # Ray sets this variable to select the Keras 2 of TensorFlow.
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    from keras_resattn import training

    training.fit(
        Recipe.model_validate(settings["recipe"]),
        settings["out"],
        resume=True,
        distribution="multiworker",
        sync_batch_norm=settings["sync_batch_norm"],
        watch=Watch(**settings["watch"]),
        allow_code=settings["allow_code"],
    )
