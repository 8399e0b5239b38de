"""`keras-resattn compare`."""

import math
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated

import typer

from keras_resattn_cli.options import MODEL_HELP
from keras_resattn_cli.options import AllowCodeOption
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import require_extra

if TYPE_CHECKING:
    from keras_resattn.explain.comparison_masks import MaskComparison
    from keras_resattn.model_folder import ModelFolder

BLOCKS = "▁▂▃▄▅▆▇█"
MOST_BLOCKS = 30


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUNS", help=f"Two or more models. {MODEL_HELP}"),
    ],
    image: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The image to show the masks of. Default: the first test image of "
            "the runs, if their data set is on this machine.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Also write a page with figures of the curves and the masks.",
            show_default=False,
        ),
    ] = None,
    allow_code: AllowCodeOption = False,
) -> None:
    """Compare runs: settings that differ, metrics by epoch, results, masks.

    Each curve is drawn from its lowest to its highest value over all runs. The masks
    are those of one image: how much each module amplifies the features.
    """
    if len(runs) < 2:
        raise typer.BadParameter(
            f"give two or more runs to compare. Received: {', '.join(runs)}"
        )
    if html is not None:
        require_extra("vis", "`compare --html`", ("jinja2", "matplotlib", "sklearn"))
    import_keras()

    from keras_resattn.explain.comparison import CURVES
    from keras_resattn.explain.comparison import compare_runs
    from keras_resattn.explain.comparison import write_comparison

    opening = ModelOptions(allow_code=allow_code)
    folders = [opening.open(run) for run in runs]
    comparison = compare_runs(folders, _names(runs))
    masks = _masks(folders, image)
    curves = {
        CURVES[key]: [_curve(values, runs) for values in runs]
        for key, runs in comparison.curves.items()
    }
    _print("Results", comparison.names, comparison.results, "unknown")
    _print("Metrics by epoch", comparison.names, curves, "unknown")
    _print("Settings that differ", comparison.names, comparison.settings, "not set")
    if isinstance(masks, str):
        typer.echo(masks)
    else:
        title = f"Amplification by the masks of {masks.image}"
        _print(title, comparison.names, masks.table(), "none")
    if html is not None:
        typer.echo(f"The page is {write_comparison(comparison, html, masks)}.")


def _names(runs: Sequence[str]) -> list[str]:
    """Return the last part of each MODEL, or all of it if some parts are the same."""
    names = [Path(run).resolve().name for run in runs]
    return names if len(set(names)) == len(names) else list(runs)


def _masks(
    folders: Sequence["ModelFolder"], image: Path | None
) -> "MaskComparison | str":
    """Return the masks; without an image, the reason why they are left out."""
    from keras_resattn.explain.comparison_masks import compare_masks

    try:
        return compare_masks(folders, image)
    except ValueError as error:
        if image is not None:
            raise
        return f"Masks are left out. {error}"


def _print(
    title: str,
    names: Sequence[str],
    rows: Mapping[str, Sequence[str]],
    absent: str,
) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), box=box.SIMPLE, title_justify="left")
    # A setting is copied into --set, so its name is never broken.
    table.add_column("", overflow="fold", no_wrap=True)
    for name in names:
        table.add_column(escape(name), overflow="fold")
    for key, values in rows.items():
        table.add_row(key, *(escape(value or absent) for value in values))
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
