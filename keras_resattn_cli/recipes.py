"""`keras-resattn recipes`."""

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated

import typer

from keras_resattn_cli.columns import table_lines
from keras_resattn_cli.columns import terminal_width
from keras_resattn_cli.options import AllowCodeOption
from keras_resattn_cli.start import import_keras

if TYPE_CHECKING:
    from keras_resattn.recipes.settings import Recipe


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE",
            help="The recipe to print: a name from the list, or a YAML file.",
        ),
    ] = None,
    resolved: Annotated[
        bool,
        typer.Option(
            "--resolved",
            help="Print every setting, including those from base recipes and defaults.",
        ),
    ] = False,
    allow_code: AllowCodeOption = False,
) -> None:
    """List the recipes of the package, or print one.

    With --resolved, the values are checked as before a training.
    """
    if resolved and name is None:
        raise typer.BadParameter(
            "give the recipe to resolve: keras-resattn recipes RECIPE --resolved. "
            "Received: --resolved alone"
        )
    import_keras()

    from keras_resattn.recipes.files import find_recipe
    from keras_resattn.recipes.files import list_recipes
    from keras_resattn.recipes.files import load_recipe

    if name is None:
        found = {name: find_recipe(name) for name in list_recipes()}
        _print([_row(load_recipe(name), name, path) for name, path in found.items()])
    elif resolved:
        typer.echo(load_recipe(name, allow_code=allow_code).to_yaml(), nl=False)
    else:
        typer.echo(find_recipe(name).read_text(encoding="utf-8"), nl=False)


def _row(recipe: "Recipe", name: str, path: Path) -> dict[str, str]:
    return {
        "name": name,
        "network": recipe.network.name,
        "data": recipe.data.name,
        "epochs": str(recipe.train.epochs),
        "description": _description(path),
    }


def _print(rows: list[dict[str, str]]) -> None:
    drop = ["description", "data", "network", "epochs"]
    lines = table_lines(rows, drop, ["epochs"], terminal_width())
    typer.echo("\n".join(lines))
    if "description" not in lines[0]:
        typer.echo("\nDescribe one: keras-resattn recipes RECIPE")


def _description(path: Path) -> str:
    """Return the comment at the head of a recipe, up to the first bare `#`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return " ".join(line.lstrip("# ") for line in lines[: lines.index("#")])
