"""`keras-resattn masks`."""

import functools
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import require_extra

BATCH_SIZE = 32


@takes_model
def masks(
    opening: ModelOptions,
    model: ModelArgument,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES",
            help="PNG, JPEG, GIF, BMP or WebP files, or folders of them.",
        ),
    ],
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
    from keras_resattn.data import check_images
    from keras_resattn.explain.file_names import unique_names
    from keras_resattn.model_folder import write_beside
    from keras_resattn_cli.progress import print_left_out
    from keras_resattn_client.image_files import LeftOut
    from keras_resattn_client.image_files import find_images

    folder = opening.open(model)
    left_out = LeftOut()
    found = find_images(images, left_out)
    print_left_out(left_out)
    check_images(found, folder.preprocessing)
    names = unique_names(found)
    for start in range(0, len(found), BATCH_SIZE):
        paths = found[start : start + BATCH_SIZE]
        pixels = folder.images(paths)
        heatmaps = explain.mean_masks(
            folder.model, folder.preprocessing.standardize(pixels)
        )
        for i, path in enumerate(paths):
            figure = explain.mask_figure(
                pixels[i : i + 1],
                {name: mask[i : i + 1] for name, mask in heatmaps.items()},
                [path.name],
            )
            target = out / f"{names[start + i]}.masks.png"
            write_beside(target, functools.partial(figure.savefig, dpi=150))
            typer.echo(f"{target}")
