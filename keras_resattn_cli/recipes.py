"""`keras-resattn recipes`."""

import sys
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(help="A recipe to print whole: a name, or a YAML file."),
    ] = None,
    resolved: Annotated[
        bool,
        typer.Option(
            "--resolved", help="Print every setting of it, those of its bases included."
        ),
    ] = False,
):
    """List the recipes of the package, or print one."""
    import_keras()

    from keras_resattn.recipes.files import find_recipe
    from keras_resattn.recipes.files import list_recipes
    from keras_resattn.recipes.files import load_recipe

    if name and resolved:
        typer.echo(load_recipe(name).to_yaml(), nl=False)
    elif name:
        typer.echo(find_recipe(name).read_text(encoding="utf-8"), nl=False)
    elif resolved:
        raise ValueError("Name the recipe to resolve. Received: --resolved alone")
    else:
        names = list_recipes()
        _print({name: (find_recipe(name), load_recipe(name)) for name in names})


def _print(found):
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "network", "data", "epochs", "description", box=None)
    for name, (path, recipe) in found.items():
        table.add_row(
            name,
            recipe.network.name,
            recipe.data.name,
            str(recipe.train.epochs),
            _description(path),
        )
    for column in table.columns:
        column.no_wrap = True  # A recipe is a line; a terminal may cut its end.
    width = None if sys.stdout.isatty() else 200
    Console(markup=False, highlight=False, width=width).print(table)


def _description(path):
    """Return the comment at a recipe's head, up to the first bare `#`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return " ".join(line.lstrip("# ") for line in lines[: lines.index("#")])
