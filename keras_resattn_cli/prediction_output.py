"""How `keras-resattn predict` shows and keeps what it has found."""

import typer
from rich.console import Console
from rich.table import Table

from keras_resattn_cli.progress import image_progress
from keras_resattn_client.results import JsonLines
from keras_resattn_client.results import ResultFile


def print_results(classify, images, top, as_json):
    """Print the results of images; raise an error if there were bad ones.

    Args:
        classify: A function of paths that yields lists of `Result`.
        images: The paths.
        top: How many classes a table shows.
        as_json: Whether to print lines of JSON.
    """
    bad = []
    for results in classify(images):
        for result in results:
            if result.error:
                bad.append(result)
            if as_json:
                typer.echo(JsonLines().write(result), nl=False)
            elif not result.error:
                _print_table(result.image, result.classes[:top])
    if bad:
        raise ValueError(
            f"{len(bad)} of {len(images)} images could not be classified. The first: "
            f"{bad[0].error} Received: {bad[0].image}"
        )


def write_results(classify, images, path, top, overwrite):
    """Write the results of the images that are not in a file yet.

    Args:
        classify: A function of paths that yields lists of `Result`.
        images: The paths.
        path: The file, CSV or JSON lines.
        top: How many classes a line of CSV holds.
        overwrite: Whether to begin it anew.
    """
    with ResultFile(path, top, overwrite) as file:
        missing = [image for image in images if image not in file]
        if len(missing) < len(images):
            done = len(images) - len(missing)
            typer.echo(f"{done} of {len(images)} images are in {path} already.")
        try:
            _write(classify, missing, file, len(images))
        except KeyboardInterrupt:
            typer.echo(f"Stopped. The same command goes on after what is in {path}.")
            raise typer.Exit(130) from None
        bad = [image for image in images if file.failed[str(image)]]
    typer.echo(f"The results of {len(images)} images are in {path}.")
    if bad:
        raise ValueError(
            f"{len(bad)} of {len(images)} images could not be classified; their lines "
            f"in {path} say why. Received: {bad[0]}" + (", ..." if bad[1:] else "")
        )


def _write(classify, missing, file, total):
    if not missing:
        return
    with image_progress() as progress:
        task = progress.add_task("", total=total, completed=total - len(missing))
        for results in classify(missing):
            file.append(results)
            progress.advance(task, len(results))


def _print_table(title, ranked):
    table = Table("class", "probability", title=title)
    for label, probability in ranked:
        table.add_row(label, f"{probability:.4f}")
    Console().print(table)
