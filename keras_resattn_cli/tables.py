"""`keras-resattn tables`."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Annotated
from typing import Any

import typer


def tables(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLES]...",
            help="Which: mask_activation, attention, mask_structure, label_noise, "
            "cifar, imagenet. Default: all.",
        ),
    ] = None,
) -> None:
    """Print the tables of the paper, with our counts and errors.

    Each row shows the printed error, the error that we measured, the recipe and
    the command that trains it. docs/results.md describes our runs.
    """
    paper = _load_paper()
    names = names or list(paper.TABLES)
    for name in names:
        if name not in paper.TABLES:
            raise ValueError(
                f"There is no such table. Choose one of {list(paper.TABLES)}. "
                f"Received: {name!r}"
            )
    for name in names:
        _print(paper.TABLES[name])


def _load_paper() -> ModuleType:
    """Return the module `keras_resattn.paper` without an import of Keras."""
    package = importlib.util.find_spec("keras_resattn")
    assert package is not None and package.origin is not None
    path = Path(package.origin).with_name("paper.py")
    spec = importlib.util.spec_from_file_location("keras_resattn_cli.paper", path)
    assert spec is not None and spec.loader is not None
    paper = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(paper)
    return paper


def _print(table: Any) -> None:
    typer.secho(f"\n{table.title}", bold=True)
    errors = "".join(f"{f'{column} %':>12}{'ours':>7}" for column in table.columns)
    typer.echo(
        f"{'':28}{'parameters':>11}{'printed':>9}{'multiply-adds':>15}{'printed':>9}"
        f"{errors}  {'recipe':32}command"
    )
    notes: list[str] = []
    for row in table.rows:
        if row.note and row.note not in notes:
            notes.append(row.note)
        mark = f" [{notes.index(row.note) + 1}]" if row.note else ""
        typer.echo(_line(row, row.label + mark, len(table.columns)))
    for i, note in enumerate(notes, start=1):
        typer.echo(f"[{i}] {note}")


def _line(row: Any, label: str, columns: int) -> str:
    errors = "".join(
        f"{_error(row.errors, i):>12}{_error(row.our_errors, i):>7}"
        for i in range(columns)
    )
    command = f"keras-resattn train {row.recipe} --out runs/{row.recipe}"
    return (
        f"{label:28}"
        f"{row.counts.parameters / 1e6:9.2f} M{_figure(row.parameters, 'M')}"
        f"{row.counts.multiply_adds / 1e9:13.3f} G{_figure(row.multiply_adds, 'G')}"
        f"{errors}  {row.recipe or '-':32}{command if row.recipe else '-'}"
    )


def _error(errors: tuple[float, ...], column: int) -> str:
    return f"{errors[column]:.2f}" if column < len(errors) else "-"


def _figure(value: float | None, unit: str) -> str:
    return f"{value:7.1f} {unit}" if value else f"{'-':>9}"
