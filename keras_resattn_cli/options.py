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
ImagesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="IMAGES...", help="PNG, JPEG, GIF, BMP or WebP files."),
]
DatasetArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[DATASET]",
        help="A folder of class folders, or a name that tensorflow-datasets knows; "
        "the classes of the model. Default: the data of its recipe. Its test images "
        "are taken: of a folder without train and test, each tenth.",
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        help="Where tensorflow-datasets keeps its files, if not where the recipe says.",
        metavar="FOLDER",
    ),
]
