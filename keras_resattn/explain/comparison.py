"""Runs side by side: their settings, their metrics by epoch, their results."""

import dataclasses
import json
import math
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeAlias

from keras_resattn.atomic_writing import check_not_a_folder
from keras_resattn.explain.comparison_masks import MaskComparison
from keras_resattn.explain.run_stages import stages_of
from keras_resattn.model_folder import EVALUATION
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import StrPath
from keras_resattn.version import __version__
from keras_resattn_client.extras import require_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The rows of `metrics.csv` of each stage of a run.
Stages: TypeAlias = Sequence[Sequence[Mapping[str, str]]]

# The metrics by epoch that are drawn, with the name of their axis.
CURVES = {
    "val_accuracy": "validation accuracy",
    "accuracy": "training accuracy",
    "val_loss": "validation loss",
    "loss": "training loss",
}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What differs between runs, and their results.

    Attributes:
        names: The names of the runs.
        settings: The settings of the recipes that differ: from a key such as
            `"train.epochs"` to the value of each run, as text.
        curves: The metrics by epoch, those of earlier stages of a run first: from a
            key of `CURVES` to the values of each run, an empty list if the run has
            none.
        results: The results: from a name to the value of each run, as text, "" if it
            is unknown.
    """

    names: tuple[str, ...]
    settings: dict[str, tuple[str, ...]]
    curves: dict[str, tuple[list[float], ...]]
    results: dict[str, tuple[str, ...]]


def compare_runs(
    folders: Sequence[ModelFolder], names: Sequence[str] | None = None
) -> Comparison:
    """Compare the recipes, metrics and results of runs.

    Example:

    >>> compare_runs([ModelFolder.open("runs/a"), ModelFolder.open("runs/b")]).settings
    {'train.epochs': ('10', '20')}

    Args:
        folders: Two or more `ModelFolder`s.
        names: The names of the runs. Defaults to those of the folders.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: If there are fewer than two.
    """
    if len(folders) < 2:
        raise ValueError(
            "Give two or more runs to compare. Received: "
            + (", ".join(str(folder.path) for folder in folders) or "none")
        )
    stages = [stages_of(folder.path) for folder in folders]
    curves = {key: tuple(_column(one, key) for one in stages) for key in CURVES}
    results = [_results(*pair) for pair in zip(folders, stages, strict=True)]
    return Comparison(
        tuple(names or _names([folder.path for folder in folders])),
        _differences([folder.recipe.model_dump(mode="json") for folder in folders]),
        {key: values for key, values in curves.items() if any(values)},
        {name: tuple(result[name] for result in results) for name in results[0]},
    )


def write_comparison(
    comparison: Comparison, path: StrPath, masks: MaskComparison | str
) -> Path:
    """Write a comparison as one HTML file, with figures of the curves and the masks.

    Example:

    >>> folders = [ModelFolder.open("runs/a"), ModelFolder.open("runs/b")]
    >>> masks = compare_masks(folders, "cat.jpg")
    >>> write_comparison(compare_runs(folders), "compare.html", masks)

    Args:
        comparison: The result of `compare_runs`.
        path: The file to write.
        masks: The result of `compare_masks`, or the reason why there are no masks.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ImportError: If the extra `vis` is not installed.
        IsADirectoryError: If `path` is a folder.
    """
    require_extra(
        "vis", "The page of a comparison", ("jinja2", "matplotlib", "sklearn")
    )
    check_not_a_folder(Path(path))
    from keras_resattn.explain.pages import image_source
    from keras_resattn.explain.pages import png
    from keras_resattn.explain.pages import write_page

    path = Path(path)
    figure = curves_figure(comparison)
    of_masks = [] if isinstance(masks, str) else list(masks.figures())
    write_page(
        path,
        "compare.html",
        comparison=comparison,
        curves=image_source(png(figure)) if figure else None,
        masks=masks,
        mask_figures=[one and image_source(png(one)) for one in of_masks],
        version=__version__,
    )
    return path


def curves_figure(comparison: Comparison) -> "Figure | None":
    """Return a figure of the metrics by epoch, a line per run; `None` without any."""
    from keras_resattn.explain.figures.panels import new_figure

    if not comparison.curves:
        return None
    figure = new_figure(10, 3 * ((len(comparison.curves) + 1) // 2))
    rows = (len(comparison.curves) + 1) // 2
    axes = figure.subplots(rows, 2, squeeze=False).flatten()
    for axis, (key, runs) in zip(axes, comparison.curves.items(), strict=False):
        for name, values in zip(comparison.names, runs, strict=True):
            if values:
                epochs = range(1, 1 + len(values))
                axis.plot(epochs, values, "o-", markersize=3, label=name)
        axis.set_xlabel("epoch")
        axis.set_ylabel(CURVES[key])
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes[0].legend()
    for axis in axes[len(comparison.curves) :]:
        axis.remove()
    return figure


def _names(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return the last parts of paths, or the whole paths if these are the same."""
    names = tuple(path.resolve().name for path in paths)
    return names if len(set(names)) == len(names) else tuple(map(str, paths))


def _differences(recipes: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    flat = [_flat(recipe) for recipe in recipes]
    keys = dict.fromkeys(key for settings in flat for key in settings)
    rows = {key: tuple(_text(s.get(key)) for s in flat) for key in keys}
    return {key: values for key, values in rows.items() if len(set(values)) > 1}


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _text(value: Any) -> str:
    return "" if value in (None, {}) else str(value)


def _column(stages: Stages, key: str) -> list[float]:
    """Return the numbers of a column in all stages; NaN where a file has none."""
    rows = [row for stage in stages for row in stage]
    if not any(key in row for row in rows):
        return []
    return [_number(row.get(key)) for row in rows]


def _number(text: str | None) -> float:
    try:
        return float(text or "NA")
    except ValueError:  # "NA", or a line that is cut off
        return float("nan")


def _epochs(stages: Stages) -> str:
    """Return the number of epochs, such as "22 (15 + 7)" for two stages."""
    counts = [len(stage) for stage in stages if stage]
    parts = f" ({' + '.join(map(str, counts))})" if len(counts) > 1 else ""
    return f"{sum(counts)}{parts}" if counts else ""


def _results(folder: ModelFolder, stages: Stages) -> dict[str, str]:
    path = folder.path / EVALUATION
    evaluation = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    accuracies = _column(stages, "val_accuracy")
    best = max(filter(math.isfinite, accuracies), default=None)
    seconds = _column(stages, "seconds")
    return {
        "epochs": _epochs(stages),
        "last validation accuracy": f"{accuracies[-1]:.4f}" if accuracies else "",
        "best validation accuracy": (
            f"{best:.4f} (epoch {1 + accuracies.index(best)})"
            if best is not None
            else ""
        ),
        "test accuracy": f"{evaluation['accuracy']:.4f}" if evaluation else "",
        "test loss": f"{evaluation['loss']:.4f}" if evaluation else "",
        "tested on": (
            f"{evaluation['count']:,} images of {Path(evaluation['data']).name}"
            if evaluation
            else ""
        ),
        "seconds of training": f"{sum(seconds):,.0f}" if seconds else "",
    }
