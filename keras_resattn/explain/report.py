"""The report of a run: one HTML file with its figures inside."""

import base64
import csv
import io
import json
from pathlib import Path

import numpy as np

from keras_resattn.data import load
from keras_resattn.explain.heatmaps import mask_figure
from keras_resattn.explain.heatmaps import mean_masks
from keras_resattn.model_folder import EVALUATION
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import write_beside
from keras_resattn.version import __version__

try:
    import jinja2
    import matplotlib.figure
    from matplotlib.ticker import MaxNLocator
except ImportError as error:
    raise ImportError(
        'The report needs jinja2 and matplotlib: pip install "keras-resattn[vis]"'
    ) from error

# The figures: the axis, and the lines of it: a column of metrics.csv and its name.
CURVES = {
    "loss": (("loss", "training"), ("val_loss", "test")),
    "accuracy": (("accuracy", "training"), ("val_accuracy", "test")),
    "learning rate": (("learning_rate", "training"),),
}


def write_report(folder, path, count=8):
    """Write the report of a run: recipe, curves, confusion, masks.

    Example:

    >>> write_report(ModelFolder.open("runs/demo"), "report.html")

    Args:
        folder: A `ModelFolder`. Its confusion is shown if it was evaluated.
        path: The HTML file to write.
        count: Integer, how many test images to show with their masks.

    Returns:
        The `pathlib.Path` of the file.
    """
    path = Path(path)
    template = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    metrics = _read_metrics(folder.path / METRICS)
    curves = _curves(metrics)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    html = environment.from_string(template).render(
        name=folder.path.name,
        version=__version__,
        network=folder.recipe.network.name,
        parameters=folder.model.count_params(),
        recipe=folder.recipe.to_yaml(),
        curves=_as_png(curves) if curves else None,
        gaps=_gaps(metrics),
        evaluation=_evaluation(folder),
        labels=folder.labels,
        masks=_as_png(_test_images_with_masks(folder, count)),
    )
    write_beside(path, lambda beside: beside.write_text(html, encoding="utf-8"))
    return path


def _evaluation(folder):
    path = folder.path / EVALUATION
    return json.loads(path.read_text()) if path.is_file() else None


def _read_metrics(path):
    """Return the metrics by name, an array each, an entry an epoch."""
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = rows[0] if rows else ()
    return {name: np.array([_number(row[name]) for row in rows]) for name in names}


def _number(text):
    try:
        number = float(text)
    except (TypeError, ValueError):  # "NA", or a line that was not written whole
        return np.nan
    return number if np.isfinite(number) else np.nan


def _curves(metrics):
    """Draw each metric that there is over the epochs; return a figure or None."""
    drawn = {
        title: {label: metrics[name] for name, label in lines if name in metrics}
        for title, lines in CURVES.items()
    }
    drawn = {title: lines for title, lines in drawn.items() if lines}
    if not drawn:
        return None
    epochs = metrics["epoch"] + 1
    figure = matplotlib.figure.Figure(figsize=(4 * len(drawn), 3), layout="constrained")
    axes = figure.subplots(1, len(drawn), squeeze=False)[0]
    for axis, (title, lines) in zip(axes, drawn.items(), strict=True):
        for label, values in lines.items():
            axis.plot(epochs, values, "o-", markersize=3, label=label)
        axis.set_xlabel("epoch")
        axis.set_ylabel(title)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if len(lines) > 1:
            axis.legend()
    return figure


def _gaps(metrics):
    """Return, as text, the metrics and epochs that hold no number."""
    gaps = {
        name: [str(int(epoch) + 1) for epoch in metrics["epoch"][np.isnan(values)]]
        for name, values in metrics.items()
        if any(name == known for lines in CURVES.values() for known, _ in lines)
    }
    return [f"{name}: {', '.join(epochs)}" for name, epochs in gaps.items() if epochs]


def _test_images_with_masks(folder, count):
    recipe, preprocessing = folder.recipe, folder.preprocessing
    data = load(recipe.data, preprocessing, recipe.seed)
    pairs = list(data.test.images.take(count))
    images = np.stack([preprocessing.resize(image) for image, _ in pairs])
    inputs = preprocessing.standardize(images)
    probabilities = folder.model.predict(inputs, verbose=0)
    titles = [
        f"is {data.labels[int(truth)]}\n"
        f"seen as {folder.labels[row.argmax()]}, {row.max():.0%}"
        for (_, truth), row in zip(pairs, probabilities, strict=True)
    ]
    return mask_figure(images, mean_masks(folder.model, inputs), titles)


def _as_png(figure):
    """Return the source of an HTML image that holds a figure."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
