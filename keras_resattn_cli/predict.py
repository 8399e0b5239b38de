"""`keras-resattn predict`."""

import json
from typing import Annotated

import typer

from keras_resattn_cli.options import ImagesArgument
from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.start import import_keras


def predict(
    model: ModelArgument,
    images: ImagesArgument,
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 5,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print a line of JSON an image, with every probability."
        ),
    ] = False,
):
    """Classify images: the most probable classes of each."""
    import_keras()

    from keras_resattn.model_folder import ModelFolder

    folder = ModelFolder.open(model)
    probabilities = folder.predict(images)
    for path, row in zip(images, probabilities, strict=True):
        ranked = sorted(zip(row.tolist(), folder.labels, strict=True), reverse=True)
        if as_json:
            classes = {label: probability for probability, label in ranked}
            typer.echo(json.dumps({"image": str(path), "probabilities": classes}))
        else:
            _print_table(str(path), ranked[:top])


def _print_table(title, ranked):
    from rich.console import Console
    from rich.table import Table

    table = Table("class", "probability", title=title)
    for probability, label in ranked:
        table.add_row(label, f"{probability:.4f}")
    Console().print(table)
