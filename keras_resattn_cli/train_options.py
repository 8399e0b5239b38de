"""Checks of the options of `keras-resattn train`."""

import enum
import math
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from keras_resattn_client.extras import require_extra

if TYPE_CHECKING:
    from keras_resattn.recipes.settings import Recipe


class Engine(enum.StrEnum):
    local = enum.auto()
    ray = enum.auto()


class Logger(enum.StrEnum):
    wandb = enum.auto()
    mlflow = enum.auto()


def folder_of(recipe: str | None, out: Path | None, resume: Path | None) -> Path:
    """Return the model folder of the run, or raise a usage error."""
    if out is not None and resume is not None:
        raise typer.BadParameter(
            "use either --out or --resume, not both. "
            f"Received: --out {out} --resume {resume}"
        )
    folder = resume or out
    if folder is None:
        raise typer.BadParameter(
            "give the model folder to make with --out FOLDER, or the one of a run to "
            "resume with --resume FOLDER. Received: neither"
        )
    if recipe is None and resume is None:
        raise typer.BadParameter(
            "give a recipe; `keras-resattn recipes` lists them. Received: no recipe"
        )
    return folder


def check_extend(extend: int | None, recipe: str | None, resume: Path | None) -> None:
    """Check that --extend has a model folder, and a new folder to write to."""
    if extend and (recipe is None or resume):
        raise typer.BadParameter(
            "--extend starts a new run from a finished model: keras-resattn train "
            f"MODEL_FOLDER --extend {extend} --out FOLDER. Received: "
            f"{'no model folder' if recipe is None else f'--resume {resume}'}"
        )


def extended(
    folder: Path, epochs: int, overrides: list[str], allow_code: bool
) -> "Recipe":
    """Return the recipe that trains the model of a finished run further."""
    from keras_resattn.model_folder import MODEL
    from keras_resattn.model_folder import RECIPE
    from keras_resattn.model_folder import ModelFolder
    from keras_resattn.recipes.files import load_recipe

    ModelFolder.open(folder)
    weights = (folder / MODEL).absolute()
    start = [override("network.weights", str(weights)), f"train.epochs={epochs}"]
    return load_recipe(folder / RECIPE, [*start, *overrides], allow_code=allow_code)


def override(key: str, value: str | bool) -> str:
    """Return a change of a recipe, in the form of `--set`."""
    import yaml

    if isinstance(value, bool):
        return f"{key}={str(value).lower()}"
    # Quoted, so that YAML reads neither a number nor a comment in a path.
    quoted = yaml.safe_dump(value, default_style='"', width=math.inf)
    return f"{key}={quoted.strip()}"


def check_overwrite(overwrite: bool, resume: Path | None, engine: Engine) -> None:
    """Check that --overwrite works with the other options."""
    if overwrite and resume:
        raise typer.BadParameter(
            "use either --resume or --overwrite, not both; --overwrite works with "
            f"--out FOLDER. Received: --resume {resume} --overwrite"
        )
    if overwrite and engine is Engine.ray:
        raise typer.BadParameter(
            "--overwrite does not work with --engine ray, because restarted workers "
            "resume what is in the folder. Remove the folder, or choose another. "
            "Received: --engine ray --overwrite"
        )


def check_engine(
    engine: Engine,
    recipe: str | None,
    folder: Path,
    distribution: str,
    workers: int | None,
) -> None:
    """Check that the other options work with --engine."""
    if engine is Engine.local and workers is not None:
        raise typer.BadParameter(
            "--workers only works with --engine ray; add it, or leave out --workers. "
            f"Received: --workers {workers}"
        )
    if engine is Engine.local:
        return
    if distribution not in ("auto", "multiworker"):
        raise typer.BadParameter(
            "with --engine ray each batch is always divided over the workers; leave "
            f"out --distribution. Received: --engine ray --distribution {distribution}"
        )
    if recipe is None:
        raise typer.BadParameter(
            "with --engine ray, resume a run with its recipe: keras-resattn train "
            f"RECIPE --resume {folder} --engine ray. Received: no recipe"
        )


def require_extras(engine: Engine, watched: bool, loggers: list[Logger]) -> None:
    """Check that the packages for the options are installed."""
    if engine is Engine.ray:
        require_extra("ray", "`train --engine ray`")
    if watched:
        require_extra("tensorboard", "Writing for TensorBoard")
    for logger in loggers:
        require_extra(logger, f"`train --logger {logger}`")
