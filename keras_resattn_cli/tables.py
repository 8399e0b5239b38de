"""`keras-resattn tables`."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Annotated
from typing import Any

import typer

from keras_resattn_cli.columns import table_lines
from keras_resattn_cli.columns import terminal_width
from keras_resattn_cli.columns import wrapped


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
                "There is no such table. Choose one of "
                f"{', '.join(map(repr, paper.TABLES))}. Received: {name!r}"
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


# What a narrow terminal has no room for, in this order. Columns of the same heading
# differ by spaces at the end.
DROP = ("command", "printed", "printed ", "multiply-adds", "parameters", "recipe")


def _print(table: Any) -> None:
    notes = list(dict.fromkeys(row.note for row in table.rows if row.note))
    rows = [_cells(row, table.columns, notes) for row in table.rows]
    width = terminal_width()
    title = wrapped(f"{table.title}: errors in %", width)
    typer.secho("\n" + "\n".join(title), bold=True)
    right = [name for name in rows[0] if name not in ("network", "recipe", "command")]
    for line in table_lines(rows, DROP, right, width):
        typer.echo(line)
    for i, note in enumerate(notes, start=1):
        typer.echo("\n".join(wrapped(f"[{i}] {note}.", width)))


def _cells(row: Any, columns: tuple[str, ...], notes: list[str]) -> dict[str, str]:
    """Return the text of each column."""
    errors: dict[str, str] = {}
    for i, column in enumerate(columns):
        errors[column] = _error(row.errors, i)
        errors["ours" + " " * i] = _error(row.our_errors, i)
    command = f"keras-resattn train {row.recipe} --out runs/{row.recipe}"
    return {
        "network": row.label + (f" [{notes.index(row.note) + 1}]" if row.note else ""),
        "parameters": f"{row.counts.parameters / 1e6:.2f} M",
        "printed": _figure(row.parameters, "M"),
        "multiply-adds": f"{row.counts.multiply_adds / 1e9:.3f} G",
        "printed ": _figure(row.multiply_adds, "G"),
        **errors,
        "recipe": row.recipe or "-",
        "command": command if row.recipe else "-",
    }


def _error(errors: tuple[float, ...], column: int) -> str:
    return f"{errors[column]:.2f}" if column < len(errors) else "-"


def _figure(value: float | None, unit: str) -> str:
    return f"{value:.1f} {unit}" if value else "-"
