"""`keras-resattn masks-influence`."""

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated

import typer

from keras_resattn_cli.columns import terminal_width
from keras_resattn_cli.options import DataDirOption
from keras_resattn_cli.options import DatasetArgument
from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.start import import_keras

if TYPE_CHECKING:
    from keras_resattn.experiments import Influence

EXPLAINED = {
    "on": "on",
    "ones": "one everywhere",
    "mean": "their mean",
    "shuffled_channels": "channels shuffled",
    "other_image": "of another image",
}
NAMES = ("accuracy", "difference", "changed", "lost", "gained", "loss", "difference")
# Narrower terminals show fewer columns; influence.csv has them all.
WIDTH_WITH_LOSSES = 105
WIDTH_WITH_COUNTS = 80
WIDTH_OF_A_FILE = 120


@takes_model
def masks_influence(
    opening: ModelOptions,
    model: ModelArgument,
    dataset: DatasetArgument = None,
    data_dir: DataDirOption = None,
    module: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Also replace the masks of this module alone, such as "
            "stage1_attention1. Repeatable.",
        ),
    ] = None,
    shuffles: Annotated[
        int, typer.Option(min=1, help="The number of ways to shuffle the channels.")
    ] = 3,
    limit: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="The number of images, chosen at random. Default: all.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, help="Random seed for the image order and the shuffles."),
    ] = 0,
    batch_size: Annotated[int, typer.Option(min=2, help="Images per batch.")] = 64,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The folder for influence.csv and influence.json. Default: none.",
        ),
    ] = None,
) -> None:
    """Measure the accuracy with other masks in place of the model's own.

    The other masks are: one everywhere, the mean over each image, the channels
    shuffled, the masks of another image. The weights stay the same. Each line
    compares the predictions with those under the model's own masks: how many
    changed, how many from right to wrong (lost) and from wrong to right (gained),
    and the standard error of the difference.
    """
    import_keras()

    from keras_resattn import data
    from keras_resattn import experiments
    from keras_resattn_cli.progress import track_batches

    folder = opening.open(model)
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
        typer.echo(
            f"The results are in {out / 'influence.csv'} and {out / 'influence.json'}."
        )


def _print(rows: "list[Influence]", title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    width = terminal_width() or WIDTH_OF_A_FILE
    names = _names_that_fit(width)
    left_out = f". Wider terminals also show: {', '.join(NAMES[len(names) :])}."
    table = Table(
        title=f"Other masks in place of the model's own: {escape(title)}",
        caption="difference ± standard error, from pairs of predictions"
        + (left_out if len(names) < len(NAMES) else ""),
        box=box.SIMPLE,
    )
    table.add_column("masks", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    module = None
    for row in rows:
        if row.module != module:
            module = row.module
            table.add_section()
            table.add_row(f"[bold]{module} alone[/bold]")
        cells = _cells(row)[: 1 + len(names)]
        table.add_row(*cells, end_section=row.masks == "on")
    Console(width=width, highlight=False).print(table)


def _names_that_fit(width: int) -> tuple[str, ...]:
    if width < WIDTH_WITH_COUNTS:
        return NAMES[:2]
    return NAMES if width >= WIDTH_WITH_LOSSES else NAMES[:-2]


def _cells(row: "Influence") -> tuple[str, ...]:
    masks, accuracy = EXPLAINED[row.masks], f"{row.accuracy:.2%}"
    if row.masks == "on":
        return masks, accuracy, "", "", "", "", f"{row.loss:.4f}"
    if row.seed is not None:
        masks = f"{masks} ({row.seed})"
    points = _difference(row.accuracy_difference, row.accuracy_standard_error, 100, 2)
    counts = [str(n) for n in (row.changed, row.lost, row.gained)]
    loss = _difference(row.loss_difference, row.loss_standard_error, 1, 3)
    return masks, accuracy, points, *counts, f"{row.loss:.4f}", loss


def _difference(value: float, standard_error: float, scale: float, digits: int) -> str:
    return f"{scale * value:+.{digits}f} ± {scale * standard_error:.{digits}f}"
