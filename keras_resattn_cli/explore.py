"""`keras-resattn explore`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import MODEL_HELP
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.progress import print_left_out
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import require_extra
from keras_resattn_client.image_files import LeftOut
from keras_resattn_client.image_files import find_images

# The scales of the page are found in all examples before it appears.
MOST_EXAMPLES = 100


@takes_model
def explore(
    opening: ModelOptions,
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP)] = "cifar10",
    examples: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IMAGES",
            help="Example images for the page, or folders of them; at most 100 images "
            "are used. Default: photographs of scikit-image, or Fashion-MNIST if the "
            "model takes grey images.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="The address to bind to; 0.0.0.0 means all.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 means any free port.")
    ] = 7860,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = False,
) -> None:
    """Show a model's masks on a web page, for images that you drop there.

    The page shows the classes, the mask of every attention module, the features
    before and after a mask, and Grad-CAM. Stop it with Ctrl-C. No data leaves this
    machine.
    """
    require_extra("explore", "`explore`")
    images = _examples(examples or [])
    import_keras()

    from keras_resattn.explore import explore as serve_page

    folder = opening.open(model)
    serve_page(folder, images, host=host, port=port, open_page=open_page)


def _examples(paths: list[Path]) -> list[Path]:
    left_out = LeftOut()
    images = find_images(paths, left_out)
    print_left_out(left_out)
    if len(images) > MOST_EXAMPLES:
        typer.echo(f"The page has the first {MOST_EXAMPLES} of {len(images)} images.")
    return images[:MOST_EXAMPLES]
