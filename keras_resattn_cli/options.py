"""Arguments that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

ModelArgument = Annotated[
    Path,
    typer.Argument(metavar="MODEL", help="A model folder, made by `train`."),
]
ImagesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="IMAGES...", help="PNG, JPEG, GIF, BMP or WebP files."),
]
