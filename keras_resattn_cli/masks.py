"""`keras-resattn masks`."""

import functools
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.explain import PatternsOption
from keras_resattn_cli.explain import View
from keras_resattn_cli.explain import ViewOption
from keras_resattn_cli.options import ImagesArgument
from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import require_extra


def masks(
    model: ModelArgument,
    images: ImagesArgument,
    out: Annotated[
        Path, typer.Option(help="The folder to write to.", metavar="FOLDER")
    ],
    view: ViewOption = View.attention,
    patterns: PatternsOption = 4,
) -> None:
    """Draw where every attention module amplifies, and the patterns of its masks.

    Writes one PNG file per image, NAME.masks.png. All images share the scales and the
    patterns. `explain` shows more.
    """
    modules = () if view is View.mean else ("sklearn",)
    require_extra("vis", "`masks`", ("matplotlib", *modules))
    import_keras()

    from keras_resattn.explain.overview import overview_figures
    from keras_resattn.model_folder import ModelFolder
    from keras_resattn.model_folder import write_beside

    folder = ModelFolder.open(model)
    titles = [path.name for path in images]
    figures = overview_figures(
        folder.model,
        pixels := folder.images(images),
        folder.preprocessing.standardize(pixels),
        titles,
        view.value,
        patterns,
    )
    for path, figure in zip(images, figures, strict=True):
        target = out / f"{path.stem}.masks.png"
        write_beside(target, functools.partial(figure.savefig, dpi=150))
        typer.echo(f"{target}")
