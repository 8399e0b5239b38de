"""`keras-resattn train`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras


def train(
    recipe: Annotated[
        str,
        typer.Argument(help="A recipe's name (see `recipes`) or a YAML file."),
    ],
    out: Annotated[
        Path, typer.Option(help="The model folder to make.", metavar="FOLDER")
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting of the recipe, as in train.epochs=10. Repeatable.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a run that is there.")
    ] = False,
):
    """Train a network by a recipe; leave a model folder.

    The folder holds model.keras, recipe.yaml, labels.txt and metrics.csv.
    """
    import_keras()

    from keras_resattn import training
    from keras_resattn.recipe import load_recipe

    settings = load_recipe(recipe, set_ or ())
    try:
        training.fit(settings, out, overwrite)
    except KeyboardInterrupt:
        partial = out.with_name(f"{out.name}.partial")
        if (partial / "model.keras").is_file():
            typer.echo(f"Stopped. The last whole epoch's model is in {partial}.")
        else:
            typer.echo("Stopped in the first epoch; there is no model yet.")
        raise typer.Exit(130) from None
    typer.echo(f"The model folder is {out}.")
