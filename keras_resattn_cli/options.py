"""Arguments that several commands take."""

import enum
from pathlib import Path
from typing import Annotated

import typer


class Engine(enum.StrEnum):
    local = enum.auto()
    ray = enum.auto()


ModelArgument = Annotated[
    Path,
    typer.Argument(metavar="MODEL", help="A model folder, made by `train`."),
]
DatasetArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DATASET",
        help="A folder with one folder of images per class, or a name that "
        "tensorflow-datasets knows. It must have the classes of the model. The test "
        "images are used. Default: the data of the model's recipe.",
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        help="The folder where tensorflow-datasets keeps its files. Default: the one "
        "in the recipe.",
        metavar="FOLDER",
    ),
]
