"""`keras-resattn masks`."""

import functools
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import ImagesArgument
from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import require_extra


@takes_model
def masks(
    opening: ModelOptions,
    model: ModelArgument,
    images: ImagesArgument,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="The folder to write to.", metavar="FOLDER"),
    ],
) -> None:
    """Draw the masks of every attention module over images.

    Writes one PNG file per image, NAME.masks.png. `explain` shows more.
    """
    require_extra("vis", "`masks`", ("matplotlib",))
    import_keras()

    from keras_resattn import explain
    from keras_resattn.model_folder import write_beside

    folder = opening.open(model)
    pixels = folder.images(images)
    heatmaps = explain.mean_masks(
        folder.model, folder.preprocessing.standardize(pixels)
    )
    for i, path in enumerate(images):
        figure = explain.mask_figure(
            pixels[i : i + 1],
            {name: mask[i : i + 1] for name, mask in heatmaps.items()},
            [path.name],
        )
        target = out / f"{path.stem}.masks.png"
        write_beside(target, functools.partial(figure.savefig, dpi=150))
        typer.echo(f"{target}")
