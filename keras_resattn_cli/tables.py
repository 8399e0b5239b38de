"""`keras-resattn tables`."""

import functools
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras


def tables(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLES]...",
            help="Which: mask_activation, attention, mask_structure, label_noise, "
            "cifar, imagenet. Default: all.",
        ),
    ] = None,
):
    """Print the tables of the paper, its sizes beside ours.

    Ours are counted from each network's graph, which takes seconds a network.
    The errors are the paper's.
    """
    import_keras()

    from keras_resattn import paper

    names = names or list(paper.TABLES)
    for name in names:
        if name not in paper.TABLES:
            raise ValueError(
                f"There is no such table; choose of {list(paper.TABLES)}. "
                f"Received: {name!r}"
            )
    for name in names:
        _print(paper.TABLES[name])


def _print(table):
    errors = "".join(f"{column + ' %':>12}" for column in table.columns)
    typer.secho(f"\n{table.title}", bold=True)
    typer.echo(
        f"{'':30}{'parameters':>12}{'printed':>9}{'multiply-adds':>15}{'printed':>9}"
        f"{errors}"
    )
    notes = []
    for row in table.rows:
        counted = _counted(row.network, *row.arguments.items())
        mark = ""
        if row.note:
            notes.append(row.note)
            mark = f" [{len(notes)}]"
        typer.echo(
            f"{row.label + mark:30}"
            f"{counted.parameters / 1e6:10.2f} M{_figure(row.parameters, 'M')}"
            f"{counted.multiply_adds / 1e9:13.3f} G{_figure(row.multiply_adds, 'G')}"
            + "".join(f"{error:12.2f}" for error in row.errors)
        )
    for i, note in enumerate(notes, start=1):
        typer.echo(f"[{i}] {note}")


@functools.cache
def _counted(network, *arguments):
    """Return what a network costs; some are in several tables."""
    import keras

    import keras_resattn

    model = keras_resattn.create_model(network, **dict(arguments))
    keras.utils.clear_session()
    return keras_resattn.complexity(model)


def _figure(value, unit):
    return f"{value:7.1f} {unit}" if value else f"{'-':>9}"
