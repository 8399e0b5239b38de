"""`keras-resattn train`."""

import os
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING
from typing import Annotated
from typing import NoReturn

import typer

from keras_resattn_cli.start import import_keras
from keras_resattn_cli.train_options import Engine
from keras_resattn_cli.train_options import Logger
from keras_resattn_cli.train_options import check_engine
from keras_resattn_cli.train_options import check_extend
from keras_resattn_cli.train_options import check_overwrite
from keras_resattn_cli.train_options import extended
from keras_resattn_cli.train_options import folder_of
from keras_resattn_cli.train_options import override
from keras_resattn_cli.train_options import require_extras

if TYPE_CHECKING:
    from keras_resattn.recipes.settings import Recipe
    from keras_resattn.training import Watch

PROFILED_STEPS = 10
WORKERS = 2
WATCHING = "Watching"
DEVICES = "Devices"


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE",
            help="The name of a recipe (see `recipes`), or a YAML file. Not needed "
            "with --resume. With --extend: a model folder.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The model folder to make.", metavar="FOLDER")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Resume the run of this model folder after its last completed epoch. "
            "Only --data-dir, --precision, --jit and --set data.download may change. "
            "If you give a recipe and there is no such run, a new run begins.",
            metavar="FOLDER",
        ),
    ] = None,
    extend: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="EPOCHS",
            help="Train a finished model further: give its model folder as RECIPE, and "
            "a new folder with --out.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run in --out.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting of the recipe, such as train.epochs=10. Repeatable.",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="The folder where tensorflow-datasets keeps its files. Short for "
            "--set data.data_dir=FOLDER.",
            metavar="FOLDER",
        ),
    ] = None,
    allow_code: Annotated[
        bool,
        typer.Option(
            "--allow-code",
            help="Import the module of a basic unit that the recipe names as "
            "module:Class. This runs its code.",
        ),
    ] = False,
    precision: Annotated[
        str | None,
        typer.Option(
            help="float32, bfloat16 or float16. Short for --set precision=NAME.",
            metavar="NAME",
            rich_help_panel=DEVICES,
        ),
    ] = None,
    jit: Annotated[
        bool | None,
        typer.Option(
            "--jit/--no-jit",
            help="Compile with XLA or not. Default: only on a single GPU; on JAX and "
            "PyTorch, Keras decides.",
            show_default=False,
            rich_help_panel=DEVICES,
        ),
    ] = None,
    distribution: Annotated[
        str,
        typer.Option(
            help="Divide each batch over devices: none, mirrored (the GPUs of this "
            "machine), multiworker (the machines in TF_CONFIG), jax (all devices of "
            "JAX), or auto: multiworker if TF_CONFIG has several machines, mirrored "
            "if there are several GPUs, otherwise none.",
            metavar="NAME",
            rich_help_panel=DEVICES,
        ),
    ] = "auto",
    sync_batch_norm: Annotated[
        bool,
        typer.Option(
            "--sync-batch-norm",
            help="Normalize with the statistics of the whole batch, not those of each "
            "device.",
            rich_help_panel=DEVICES,
        ),
    ] = False,
    engine: Annotated[
        Engine,
        typer.Option(
            help="Train in this process, or on the workers of a Ray cluster.",
            rich_help_panel=DEVICES,
        ),
    ] = Engine.local,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"With --engine ray: the number of workers. Default: {WORKERS}.",
            show_default=False,
            rich_help_panel=DEVICES,
        ),
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard",
            help="Write curves for TensorBoard to FOLDER/tensorboard.",
            rich_help_panel=WATCHING,
        ),
    ] = False,
    masks_every: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="EPOCHS",
            help="Write the masks of some test images for TensorBoard each time this "
            "number of epochs has passed; 0 means never.",
            rich_help_panel=WATCHING,
        ),
    ] = 0,
    profile: Annotated[
        bool,
        typer.Option(
            "--profile",
            help=f"Profile {PROFILED_STEPS} steps for TensorBoard.",
            rich_help_panel=WATCHING,
        ),
    ] = False,
    logger: Annotated[
        list[Logger] | None,
        typer.Option(
            help="Also write to an experiment tracker. Repeatable.",
            rich_help_panel=WATCHING,
        ),
    ] = None,
) -> None:
    """Train a network from a recipe, and write a model folder.

    The folder has model.keras, recipe.yaml, labels.txt, metrics.csv and card.md.
    During the training it is named FOLDER.partial; --resume continues from there.
    """
    folder = folder_of(recipe, out, resume)
    check_extend(extend, recipe, resume)
    check_overwrite(overwrite, resume, engine)
    check_engine(engine, recipe, folder, distribution, workers)
    overrides = _overrides(set_, data_dir, precision, jit)
    watched = tensorboard or masks_every or profile
    require_extras(engine, bool(watched), logger or [])
    if distribution == "jax":
        os.environ.setdefault("KERAS_BACKEND", "jax")
    import_keras()

    from keras_resattn import training
    from keras_resattn.recipes.files import load_recipe
    from keras_resattn.training.run import Run

    folder = Run(folder).out  # without the .partial that a shell completes
    settings = None
    if recipe and extend:
        settings = extended(Path(recipe), extend, overrides, allow_code)
    elif recipe:
        settings = load_recipe(recipe, overrides, allow_code=allow_code)
    watch = training.Watch(
        tensorboard, masks_every, PROFILED_STEPS if profile else 0, tuple(logger or ())
    )
    if engine is Engine.ray:
        assert settings is not None  # `_check_engine` asked for it
        _train_with_ray(
            settings,
            folder,
            workers or WORKERS,
            sync_batch_norm,
            watch,
            bool(resume),
            allow_code,
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
            settings=overrides if recipe is None else (),
            allow_code=allow_code,
        )
    except KeyboardInterrupt as stop:
        partial = folder.with_name(f"{folder.name}.partial")
        if any((partial / name).is_file() for name in ("checkpoint.h5", "model.keras")):
            typer.echo(
                f"Stopped. The model of the last completed epoch is in {partial}. "
                f"Resume with: keras-resattn train --resume {folder}"
            )
        else:
            typer.echo("Stopped in the first epoch. There is no model yet.")
        raise typer.Exit(143 if stop.args else 130) from None
    typer.echo(f"The model folder is {folder}.")


def _train_with_ray(
    recipe: "Recipe",
    folder: Path,
    workers: int,
    sync_batch_norm: bool,
    watch: "Watch",
    resume: bool,
    allow_code: bool,
) -> None:
    from keras_resattn.on_ray.training import train_with_ray
    from keras_resattn.training.run import Run

    if not resume:
        # Otherwise the workers would resume what is there.
        Run(folder).check_free(overwrite=False)
    train_with_ray(
        recipe,
        folder,
        workers,
        sync_batch_norm=sync_batch_norm,
        watch=watch,
        allow_code=allow_code,
    )
    typer.echo(f"The model folder is {folder}.")


def _overrides(
    set_: list[str] | None,
    data_dir: Path | None,
    precision: str | None,
    jit: bool | None,
) -> list[str]:
    """Return all options that change the recipe in the form of `--set`."""
    options = {
        "data.data_dir": None if data_dir is None else str(data_dir),
        "precision": precision,
        "jit": jit,
    }
    given = {key: value for key, value in options.items() if value is not None}
    return [override(key, value) for key, value in given.items()] + (set_ or [])


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(signal.Signals(number).name)
