"""`keras-resattn compare`."""

import math
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import MODEL_HELP
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import require_extra

BLOCKS = "▁▂▃▄▅▆▇█"
MOST_BLOCKS = 30


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUNS", help=f"Two or more models. {MODEL_HELP}"),
    ],
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write a page with the curves as figures.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Compare runs: settings that differ, metrics by epoch, results.

    Each curve is drawn from its lowest to its highest value over all runs.
    """
    if html is not None:
        require_extra("vis", "`compare --html`", ("jinja2", "matplotlib"))
    import_keras()

    from keras_resattn.explain.comparison import CURVES
    from keras_resattn.explain.comparison import compare_runs
    from keras_resattn.explain.comparison import write_comparison

    comparison = compare_runs([ModelOptions().open(run) for run in runs])
    curves = {
        CURVES[key]: [_curve(values, runs) for values in runs]
        for key, runs in comparison.curves.items()
    }
    _print("Results", comparison.names, comparison.results, "unknown")
    _print("Metrics by epoch", comparison.names, curves, "unknown")
    _print("Settings that differ", comparison.names, comparison.settings, "none")
    if html is not None:
        typer.echo(f"The page is {write_comparison(comparison, html)}")


def _print(
    title: str,
    names: Sequence[str],
    rows: Mapping[str, Sequence[str]],
    absent: str,
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("", title=title, box=box.SIMPLE, title_justify="left")
    for name in names:
        table.add_column(name, overflow="fold")
    for key, values in rows.items():
        table.add_row(key, *(value or absent for value in values))
    if rows:
        Console(highlight=False).print(table)
    else:
        typer.echo(f"{title}: none\n")


def _curve(values: Sequence[float], runs: Sequence[Sequence[float]]) -> str:
    """Return a curve as blocks of text, between the limits of all runs."""
    known = [v for run in runs for v in run if math.isfinite(v)]
    if not values or not known:
        return ""
    low, high = min(known), max(known)
    step = math.ceil(len(values) / MOST_BLOCKS)
    blocks = "".join(_block(value, low, high) for value in values[::step])
    return f"{blocks} {values[-1]:.4f}"


def _block(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return "?"
    share = (value - low) / (high - low) if high > low else 1.0
    return BLOCKS[round(share * (len(BLOCKS) - 1))]
