"""The tables and curves of a report, from the files of a run."""

import json
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from keras_resattn.explain.pages import new_curves
from keras_resattn.model_folder import ENVIRONMENT
from keras_resattn.model_folder import read_metrics
from keras_resattn.typing import Array

# For each figure: its axis, and its lines: a column of metrics.csv and a name.
CURVES = {
    "loss": (("loss", "training"), ("val_loss", "validation")),
    "accuracy": (("accuracy", "training"), ("val_accuracy", "validation")),
    "learning rate": (("learning_rate", "training"),),
}
# Tables of more classes do not fit on a page: the worst rows are shown.
SHOWN_CLASSES = 20


def metrics_of(path: Path) -> dict[str, Array]:
    """Return an array for each metric of a file, with one entry per epoch."""
    rows = read_metrics(path)
    names = rows[0] if rows else ()
    return {name: np.array([_number(row[name]) for row in rows]) for name in names}


def _number(text):
    try:
        number = float(text)
    except (TypeError, ValueError):  # "NA", or a line that is cut off
        return np.nan
    return number if np.isfinite(number) else np.nan


def curves_of(metrics: Mapping[str, Array]) -> list[Figure]:
    """Return a figure for each kind of metric over the epochs."""
    figures = []
    for title, lines in CURVES.items():
        drawn = {label: metrics[name] for name, label in lines if name in metrics}
        if drawn:
            figures.append(_curve(title, metrics["epoch"], drawn))
    return figures


def _curve(title, epochs, lines):
    figure, axis = new_curves()
    for label, values in lines.items():
        axis.plot(epochs, values, "o-", markersize=3, label=label)
    axis.set_xlabel("epoch")
    axis.set_ylabel(title)
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    if len(lines) > 1:
        axis.legend(frameon=False)
    return figure


def gaps_of(metrics: Mapping[str, Array]) -> list[str]:
    """Return, as text, the metrics and epochs without a number."""
    gaps = {
        name: [str(int(epoch)) for epoch in metrics["epoch"][np.isnan(values)]]
        for name, values in metrics.items()
        if any(name == known for lines in CURVES.values() for known, _ in lines)
    }
    return [f"{name}: {', '.join(epochs)}" for name, epochs in gaps.items() if epochs]


def calibration_curve(bins: Sequence[Mapping[str, float]]) -> Figure:
    """Return a figure: the share of right predictions by their probability."""
    figure, axis = new_curves()
    axis.plot([0, 1], [0, 1], "--", color="gray", linewidth=1, label="calibrated")
    points = [(one["probability"], one["accuracy"]) for one in bins]
    axis.plot(*zip(*points, strict=True), "o-", markersize=4, label="this model")
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02))
    axis.set_xlabel("probability of the predicted class")
    axis.set_ylabel("share that is right")
    axis.legend(frameon=False)
    return figure


def class_rows(
    confusion: Sequence[Sequence[int]], labels: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the images, recall and precision of each class, the worst recall first.

    A share of nothing is `None`. Classes without images are last.
    """
    counts = np.asarray(confusion)
    right, images, predicted = np.diagonal(counts), counts.sum(axis=1), counts.sum(0)
    rows = [
        {
            "label": label,
            "images": int(images[i]),
            "recall": float(right[i] / images[i]) if images[i] else None,
            "precision": float(right[i] / predicted[i]) if predicted[i] else None,
        }
        for i, label in enumerate(labels)
    ]
    return sorted(rows, key=lambda row: (row["recall"] is None, row["recall"]))


def worst_confusions(
    confusion: Sequence[Sequence[int]],
    labels: Sequence[str],
    count: int = SHOWN_CLASSES,
) -> list[dict[str, Any]]:
    """Return the most frequent confusions: true class, predicted class, images."""
    counts = np.array(confusion)
    images = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:count]
    pairs = zip(*np.unravel_index(order, counts.shape), strict=True)
    return [
        {
            "label": labels[i],
            "predicted": labels[j],
            "images": int(counts[i, j]),
            "share": float(counts[i, j] / images[i]),
        }
        for i, j in pairs
        if counts[i, j]
    ]


def environment_of(folder: Path, metrics: Mapping[str, Array]) -> dict[str, str]:
    """Return the time, the devices and the versions of a training, by name."""
    rows = {}
    if len(seconds := metrics.get("seconds", ())):
        rows["training time"] = (
            f"{_duration(np.nansum(seconds))}, {len(seconds)} epochs"
        )
    if len(speed := metrics.get("images_per_second", ())):
        rows["images per second"] = f"{np.nanmedian(speed):,.0f} (median)"
    path = folder / ENVIRONMENT
    known = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    rows |= {key: value for key, value in known.items() if isinstance(value, str)}
    for epoch, changes in known.get("changes", {}).items():
        text = ", ".join(f"{key}: {value}" for key, value in changes.items())
        rows[f"from epoch {epoch}"] = text
    return rows


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "under 1 s"
