"""`keras-resattn recipes`."""

import typer

from keras_resattn_cli.start import import_keras


def recipes():
    """List the recipes of the package, with their first lines."""
    import_keras()

    from keras_resattn import recipe

    for name in recipe.list_recipes():
        lines = (recipe.FOLDER / f"{name}.yaml").read_text().splitlines()
        header = [line.lstrip("# ") for line in lines[: lines.index("#")]]
        typer.echo(f"{name}: {' '.join(header)}")
