"""How `keras-resattn predict` prints and writes its results."""

from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from keras_resattn_cli.progress import image_progress
from keras_resattn_client.result_formats import JsonLines
from keras_resattn_client.result_formats import Result
from keras_resattn_client.results import ResultFile

Classify = Callable[[list[Path]], Iterable[list[Result]]]


def print_results(
    classify: Classify, images: list[Path], top: int, as_json: bool
) -> None:
    """Print the results of images; raise an error if some could not be classified.

    Args:
        classify: A function of paths that yields lists of `Result`.
        images: The paths.
        top: The number of classes that a table shows.
        as_json: Whether to print a line of JSON per image.

    Raises:
        ValueError: If an image could not be classified.
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
                if result.notice:
                    typer.echo(result.notice)
    if bad:
        raise ValueError(
            f"{len(bad)} of {len(images)} images could not be classified. The first: "
            f"{bad[0].error} Received: {bad[0].image}"
        )


def write_results(
    classify: Classify,
    images: list[Path],
    path: Path,
    top: int,
    overwrite: bool,
    excel: bool = False,
) -> None:
    """Write the results of those images that are not in a file yet.

    Args:
        classify: A function of paths that yields lists of `Result`.
        images: The paths.
        path: The file, CSV or JSON lines.
        top: The largest number of classes in a line of CSV.
        overwrite: Whether to replace the file.
        excel: Whether CSV begins with a byte order mark.

    Raises:
        ValueError: If an image could not be classified.
    """
    with ResultFile(path, top, overwrite, excel) as file:
        missing = [image for image in images if image not in file]
        if len(missing) < len(images):
            done = len(images) - len(missing)
            typer.echo(f"{done} of {len(images)} images are already in {path}.")
        try:
            unsure = _write(classify, missing, file, len(images))
        except KeyboardInterrupt:
            begun = overwrite and not file.overwrite
            again = " without --overwrite" if begun else ""
            typer.echo(
                f"Stopped. To continue {path}, run the same command again{again}."
            )
            raise typer.Exit(130) from None
        bad = [image for image in images if file.failed[str(image)]]
    typer.echo(f"The results of {len(images)} images are in {path}.")
    if unsure:
        count = f"{len(unsure)} of {len(missing)}"
        typer.echo(f"{count} are less sure than is usual. The first: {unsure[0]}.")
    if bad:
        raise ValueError(
            f"{len(bad)} of {len(images)} images could not be classified; {path} has "
            "the reasons. To try them again, remove their lines, or start again with "
            f"--overwrite. Received: {bad[0]}" + (", ..." if bad[1:] else "")
        )


def _write(
    classify: Classify, missing: list[Path], file: ResultFile, total: int
) -> list[str]:
    """Write the results of images; return those that are less sure than is usual."""
    unsure: list[str] = []
    if not missing:
        return unsure
    with image_progress() as progress:
        task = progress.add_task("", total=total, completed=total - len(missing))
        for results in classify(missing):
            file.append(results)
            unsure += [result.image for result in results if result.notice]
            progress.advance(task, len(results))
    return unsure


def _print_table(title: str, ranked: Iterable[tuple[str, float]]) -> None:
    # Rich folds a title that is wider than its table; a path stays whole.
    typer.echo(title)
    table = Table("class", "probability")
    for label, probability in ranked:
        table.add_row(escape(label), f"{probability:.4f}")
    Console().print(table)
