"""`keras-resattn masks`."""

import functools
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

    Writes one PNG file per image, NAME.masks.png. All images share the scales and the
    patterns. `explain` shows more. If an image cannot be read, the others are still
    drawn, and the exit code is 1.
    """
    modules = () if view is View.mean else ("sklearn",)
    require_extra("vis", "`masks`", ("matplotlib", *modules))
    import_keras()

    from keras_resattn.explain.file_names import unique_names
    from keras_resattn.explain.overview import overview_figures
    from keras_resattn.model_folder import write_beside
    from keras_resattn_cli.readable_images import readable_images

    folder = opening.open(model)
    height, width = folder.preprocessing.input_shape[:2]
    seen = f"{width} x {height}"
    with readable_images(images, folder.preprocessing) as found:
        figures = overview_figures(
            folder.model,
            pixels := folder.images(found),
            folder.preprocessing.standardize(pixels),
            [f"{path.name}\nseen at {seen}" for path in found],
            view.value,
            patterns,
        )
        for name, figure in zip(unique_names(found), figures, strict=True):
            target = out / f"{name}.masks.png"
            write_beside(target, functools.partial(figure.savefig, dpi=150))
            typer.echo(f"{target}")
