"""`keras-resattn masks-influence`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import DataDirOption
from keras_resattn_cli.options import DatasetArgument
from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.start import import_keras

EXPLAINED = {
    "on": "on",
    "ones": "one everywhere",
    "mean": "their mean",
    "shuffled_channels": "channels shuffled",
    "other_image": "of another image",
}


def masks_influence(
    model: ModelArgument,
    dataset: DatasetArgument = None,
    data_dir: DataDirOption = None,
    module: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Replace the masks of this module alone, too, such as "
            "stage1_attention1. Repeatable.",
        ),
    ] = None,
    shuffles: Annotated[
        int, typer.Option(min=1, help="In how many ways to shuffle the channels.")
    ] = 3,
    limit: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="How many images to take, at random. Default: all.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0, help="From which follow the order of the images and the shuffles."
        ),
    ] = 0,
    batch_size: Annotated[
        int, typer.Option(min=2, help="How many images to compute at a time.")
    ] = 64,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write influence.csv and influence.json there."
        ),
    ] = None,
):
    """Test what the masks do: accuracy with other masks in their place.

    The masks are set to one, to their mean over an image, have their channels
    shuffled, or are those of another image; the weights stay. Each line is
    compared with the masks on, image by image: how many predictions changed,
    from right to wrong (lost) and from wrong to right (gained), and the
    standard error of the difference.
    """
    import_keras()

    from keras_resattn import data
    from keras_resattn import experiments
    from keras_resattn.model_folder import ModelFolder
    from keras_resattn_cli.progress import track_batches

    folder = ModelFolder.open(model)
    images = folder.labelled_images(dataset, data_dir)
    batches = data.sample_batches(
        images.test, folder.preprocessing, batch_size, limit, seed
    )
    count = min(limit or images.test.count, images.test.count)
    with data.naming_unreadable_images(images, folder.preprocessing):
        rows = experiments.masks_influence(
            folder.model,
            track_batches(batches.as_numpy_iterator(), count),
            module or (),
            range(seed, seed + shuffles),
        )
    _print(rows, f"{count} test images of {images.name}")
    if out is not None:
        facts = {"model": str(model), "data": images.name, "seed": seed}
        experiments.write_influence(rows, out, facts)
        typer.echo(f"The figures are in {out / 'influence.csv'} and influence.json.")


def _print(rows, title):
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "masks",
        title=f"Other masks in place of its own: {title}",
        caption="difference ± standard error, of pairs of predictions",
        box=box.SIMPLE,
    )
    for name in "accuracy difference changed lost gained loss difference".split():
        table.add_column(name, justify="right", no_wrap=True)
    module = None
    for row in rows:
        if row.module != module:
            module = row.module
            table.add_section()
            table.add_row(f"[bold]{module} alone[/bold]")
        table.add_row(*_cells(row), end_section=row.masks == "on")
    width = None if sys.stdout.isatty() else 120
    Console(width=width, highlight=False).print(table)


def _cells(row):
    masks, accuracy = EXPLAINED[row.masks], f"{row.accuracy:.2%}"
    if row.masks == "on":
        return masks, accuracy, "", "", "", "", f"{row.loss:.4f}"
    if row.seed is not None:
        masks = f"{masks} ({row.seed})"
    points = _difference(row.accuracy_difference, row.accuracy_standard_error, 100, 2)
    counts = [str(n) for n in (row.changed, row.lost, row.gained)]
    loss = _difference(row.loss_difference, row.loss_standard_error, 1, 3)
    return masks, accuracy, points, *counts, f"{row.loss:.4f}", loss


def _difference(value, standard_error, scale, digits):
    return f"{scale * value:+.{digits}f} ± {scale * standard_error:.{digits}f}"
