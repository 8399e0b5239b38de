"""Training by a recipe on a Ray cluster."""

import importlib
import os
from pathlib import Path

from keras_resattn.model_folder import ModelFolder
from keras_resattn.recipe import Recipe


def train_with_ray(
    recipe, out, workers=2, use_gpu=None, max_failures=3, sync_batch_norm=False
):
    """Train a network as a recipe says, on several workers of a Ray cluster.

    Each batch is divided among the workers. If one of them fails, Ray begins
    all again, and they go on after the last whole epoch that is in `out`: the
    result is that of an undisturbed run. A run that is in `out` already is
    resumed in the same way.

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

    Returns:
        The `ModelFolder`.

    Raises:
        ImportError: If Ray is not installed.
        RuntimeError: If training failed more often than `max_failures`, or for
            a reason that would come again (Ray's `TrainingFailedError`).
    """
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
            "recipe": recipe.model_dump(mode="json"),
            "out": str(out),
            "sync_batch_norm": sync_batch_norm,
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
    )


def _import(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            'Training on Ray needs it installed: pip install "keras-resattn[ray]". '
            f"Received: {error}"
        ) from error
