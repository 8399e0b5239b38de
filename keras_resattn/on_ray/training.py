"""Training by a recipe on a Ray cluster."""

import dataclasses
import importlib
import os
from pathlib import Path

from keras_resattn.model_folder import ModelFolder
from keras_resattn.recipes.settings import Recipe
from keras_resattn.training.watch import Watch


def train_with_ray(
    recipe,
    out,
    workers=2,
    use_gpu=None,
    max_failures=3,
    sync_batch_norm=False,
    watch=None,
):
    """Train a network as a recipe says, on several workers of a Ray cluster.

    Each batch is divided among the workers. If one of them fails, Ray begins
    all again, and they go on after the last whole epoch that is in `out`: the
    result is that of an undisturbed run. A run that is in `out` already is
    resumed in the same way. Workers run in folders of their own: relative
    paths in the recipe are made absolute.

    Example:

    >>> folder = train_with_ray(load_recipe("demo"), "/shared/runs/demo", workers=2)

    Args:
        recipe: A `Recipe`.
        out: The path of the model folder to make, on a file system that all
            machines of the cluster share.
        workers: Integer, the number of workers.
        use_gpu: Boolean, whether each worker takes a GPU. By default, if the
            cluster has as many.
        max_failures: Integer, how often to begin again at most.
        sync_batch_norm: Boolean, whether batch normalization takes the
            statistics of the whole batch, in place of each worker's part.
        watch: A `Watch`: TensorBoard, trackers. Defaults to none.

    Returns:
        The `ModelFolder`.

    Raises:
        ImportError: If Ray is not installed.
        RuntimeError: If training failed more often than `max_failures`, or for
            a reason that would come again (Ray's `TrainingFailedError`).
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = _import("ray")
    train = _import("ray.train")
    out = Path(out).absolute()
    if not ray.is_initialized():
        ray.init(include_dashboard=False)
    if use_gpu is None:
        use_gpu = ray.cluster_resources().get("GPU", 0) >= workers
    trainer = _import("ray.train.tensorflow").TensorflowTrainer(
        _train,
        train_loop_config={
            "recipe": with_absolute_paths(recipe).model_dump(mode="json"),
            "out": str(out),
            "sync_batch_norm": sync_batch_norm,
            "watch": dataclasses.asdict(watch or Watch()),
        },
        scaling_config=train.ScalingConfig(num_workers=workers, use_gpu=use_gpu),
        run_config=train.RunConfig(
            # What Ray itself writes, as hidden as what is being made.
            name=f".{out.name}.ray",
            storage_path=str(out.parent),
            failure_config=train.FailureConfig(max_failures=max_failures),
        ),
    )
    trainer.fit()
    return ModelFolder.open(out)


def with_absolute_paths(recipe):
    """Return a recipe that means the same files in any working directory.

    Args:
        recipe: A `Recipe`. Names of data sets and of weights, and addresses,
            stay as they are.
    """
    data, network = recipe.data, recipe.network
    paths = {
        "name": _absolute(data.name, os.path.isdir),
        # It may be made yet, by a download.
        "data_dir": _absolute(data.data_dir, lambda folder: "://" not in folder),
    }
    weights = {"weights": _absolute(network.weights, os.path.isfile)}
    changed = {
        "data": data.model_copy(update=paths),
        "network": network.model_copy(update=weights),
    }
    return recipe.model_copy(update=changed)


def _absolute(name, is_path):
    expanded = os.path.expanduser(name or "")
    return str(Path(expanded).absolute()) if name and is_path(expanded) else name


def _train(settings):
    # Ray asks for the Keras that came with TensorFlow once.
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    from keras_resattn import training

    training.fit(
        Recipe.model_validate(settings["recipe"]),
        settings["out"],
        resume=True,
        distribution="multiworker",
        sync_batch_norm=settings["sync_batch_norm"],
        watch=Watch(**settings["watch"]),
    )


def _import(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            'Training on Ray needs it installed: pip install "keras-resattn[ray]". '
            f"Received: {error}"
        ) from error
