"""`keras-resattn masks`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.explain import PatternsOption
from keras_resattn_cli.explain import View
from keras_resattn_cli.explain import ViewOption
from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import require_extra


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
    view: ViewOption = View.attention,
    patterns: PatternsOption = 4,
) -> None:
    """Draw where every attention module amplifies, and the patterns of its masks.

    Writes one PNG file per image, NAME.masks.png, the same as `explain` does. Its title
    shows the predicted class. All images share the scales and the patterns. `explain`
    draws more figures. If an image cannot be read, the others are still drawn, and the
    exit code is 1.
    """
    modules = () if view is View.mean else ("sklearn",)
    require_extra("vis", "`masks`", ("matplotlib", *modules))
    import_keras()

    from keras_resattn.explain.mask_files import write_masks
    from keras_resattn_cli.readable_images import readable_images

    folder = opening.open(model)
    with readable_images(images, folder.preprocessing, out) as found:
        for path in write_masks(folder, found, out, view.value, patterns):
            typer.echo(f"{path}")
