"""`keras-resattn train`."""

import enum
import json
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras

PROFILED_STEPS = 10
WORKERS = 2


class Engine(enum.StrEnum):
    local = enum.auto()
    ray = enum.auto()


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="A recipe's name (see `recipes`) or a YAML file. With --resume it "
            "may be left out.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The model folder to make.", metavar="FOLDER")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="The model folder of a run to go on with after its last whole "
            "epoch. With a recipe, the run is begun if there is none yet.",
            metavar="FOLDER",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting of the recipe, as in train.epochs=10. Repeatable.",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Where tensorflow-datasets keeps its files, the same as "
            "--set data.data_dir=FOLDER.",
            metavar="FOLDER",
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="float32, bfloat16 or float16, the same as --set precision."),
    ] = None,
    jit: Annotated[
        bool | None,
        typer.Option(
            "--jit/--no-jit",
            help="Compile with XLA, or not. By default only on GPUs.",
            show_default=False,
        ),
    ] = None,
    distribution: Annotated[
        str,
        typer.Option(
            help="Over what to divide each batch: none, mirrored (the GPUs of this "
            "machine), multiworker (the machines of TF_CONFIG), jax (all devices of "
            "JAX); auto is multiworker where TF_CONFIG names several machines, else "
            "mirrored where there are several GPUs.",
        ),
    ] = "auto",
    sync_batch_norm: Annotated[
        bool,
        typer.Option(
            "--sync-batch-norm",
            help="Normalize by the statistics of the whole batch, not each device's.",
        ),
    ] = False,
    engine: Annotated[
        Engine,
        typer.Option(
            help="Train in this process, or by the workers of a Ray cluster.",
        ),
    ] = Engine.local,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"With --engine ray: the number of workers, by default {WORKERS}.",
            show_default=False,
        ),
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard",
            help="Write curves for TensorBoard into FOLDER/tensorboard.",
        ),
    ] = False,
    masks_every: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="EPOCHS",
            help="Write the masks of some test images for TensorBoard, every so many "
            "epochs.",
        ),
    ] = 0,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="Profile ten steps for TensorBoard."),
    ] = False,
    logger: Annotated[
        list[str] | None,
        typer.Option(help="Write to a tracker, too: wandb or mlflow. Repeatable."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a run that is there.")
    ] = False,
):
    """Train a network by a recipe; leave a model folder.

    The folder holds model.keras, recipe.yaml, labels.txt and metrics.csv. While
    the training goes on it is FOLDER.partial, from which --resume goes on.
    """
    folder = _folder(recipe, out, resume)
    _check_overwrite(overwrite, resume, engine)
    _check_engine(engine, recipe, folder, distribution, workers)
    overrides = _overrides(set_, data_dir, precision, jit)
    if recipe is None and overrides:
        raise typer.BadParameter(
            "a run is resumed with the recipe it began with; leave out what changes "
            f"it. Received: {', '.join(overrides)}"
        )
    if distribution == "jax":
        os.environ.setdefault("KERAS_BACKEND", "jax")
    import_keras()

    from keras_resattn import training
    from keras_resattn.recipes.files import load_recipe

    settings = load_recipe(recipe, overrides) if recipe else None
    watch = training.Watch(
        tensorboard, masks_every, PROFILED_STEPS if profile else 0, tuple(logger or ())
    )
    if engine is Engine.ray:
        _train_with_ray(
            settings, folder, workers or WORKERS, sync_batch_norm, watch, resume
        )
        return
    signal.signal(signal.SIGTERM, _stop)
    try:
        training.fit(
            settings,
            folder,
            overwrite,
            resume is not None,
            distribution,
            sync_batch_norm,
            watch,
        )
    except KeyboardInterrupt as stop:
        partial = folder.with_name(f"{folder.name}.partial")
        if (partial / "model.keras").is_file():
            typer.echo(
                f"Stopped. The last whole epoch's model is in {partial}; go on with "
                f"`keras-resattn train --resume {folder}`."
            )
        else:
            typer.echo("Stopped in the first epoch; there is no model yet.")
        raise typer.Exit(143 if stop.args else 130) from None
    typer.echo(f"The model folder is {folder}.")


def _folder(recipe, out, resume):
    if out is None and resume is None:
        raise typer.BadParameter(
            "give the model folder to make by --out FOLDER, or that of a run to go on "
            "with by --resume FOLDER."
        )
    if out is not None and resume is not None:
        raise typer.BadParameter(
            f"give --out or --resume, not both. Received: --out {out} --resume {resume}"
        )
    if recipe is None and resume is None:
        raise typer.BadParameter("give a recipe; `keras-resattn recipes` lists them.")
    return resume or out


def _check_overwrite(overwrite, resume, engine):
    if overwrite and resume:
        raise typer.BadParameter(
            "a run is gone on with or replaced; give --out FOLDER with --overwrite, or "
            f"--resume alone. Received: --resume {resume} --overwrite"
        )
    if overwrite and engine is Engine.ray:
        raise typer.BadParameter(
            "on Ray no run is replaced, since workers that begin again resume what is "
            "there; remove the folder, or choose another. Received: --engine ray "
            "--overwrite"
        )


def _check_engine(engine, recipe, folder, distribution, workers):
    if engine is Engine.local and workers is not None:
        raise typer.BadParameter(
            "the number of workers is for Ray; add --engine ray, or leave it out. "
            f"Received: --workers {workers}"
        )
    if engine is Engine.local:
        return
    if distribution not in ("auto", "multiworker"):
        raise typer.BadParameter(
            "on Ray each batch is divided among the workers; leave out "
            f"--distribution. Received: --engine ray --distribution {distribution}"
        )
    if recipe is None:
        raise typer.BadParameter(
            "on Ray, a run is resumed with its recipe: `keras-resattn train RECIPE "
            f"--resume {folder} --engine ray`. Received: no recipe"
        )


def _train_with_ray(recipe, folder, workers, sync_batch_norm, watch, resume):
    from keras_resattn.on_ray.training import train_with_ray
    from keras_resattn.training.run import Run

    if not resume:
        # The workers would go on with what is there.
        Run(folder).check_free(overwrite=False)
    train_with_ray(
        recipe, folder, workers, sync_batch_norm=sync_batch_norm, watch=watch
    )
    typer.echo(f"The model folder is {folder}.")


def _overrides(set_, data_dir, precision, jit):
    """Return the options that change the recipe as `--set` would."""
    options = {
        "data.data_dir": data_dir and str(data_dir),
        "precision": precision,
        "jit": jit,
    }
    stated = {key: value for key, value in options.items() if value is not None}
    # What JSON writes is YAML, whatever is in it.
    return [f"{key}={json.dumps(value)}" for key, value in stated.items()] + (
        set_ or []
    )


def _stop(number, frame):
    raise KeyboardInterrupt(signal.Signals(number).name)
