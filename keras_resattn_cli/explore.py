"""`keras-resattn explore`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.start import import_keras


def explore(
    model: ModelArgument,
    examples: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[IMAGES]...",
            help="Images to choose from on the page, in place of photographs of"
            " scikit-image or, for grey images, Fashion-MNIST.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="The address to bind to; 0.0.0.0 is every one.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 7860,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = False,
):
    """Look at a model's masks on a web page: drop an image, move the sliders.

    It shows the classes, the mask of every attention module, features before and
    after a mask, and Grad-CAM. Stop it by Ctrl-C. Nothing leaves this machine.
    """
    import_keras()

    from keras_resattn.explore import explore as serve_page
    from keras_resattn.model_folder import ModelFolder

    folder = ModelFolder.open(model)
    for path in examples or ():
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no such file; give an image. Received: {path}"
            )
    serve_page(folder, examples or (), host=host, port=port, open_page=open_page)
