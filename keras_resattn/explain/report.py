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
except ImportError as error:
    raise ImportError(
        'The report needs jinja2 and matplotlib: pip install "keras-resattn[vis]"'
    ) from error


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
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    html = environment.from_string(template).render(
        name=folder.path.name,
        version=__version__,
        network=folder.recipe.network.name,
        parameters=folder.model.count_params(),
        recipe=folder.recipe.to_yaml(),
        curves=_as_png(_curves(folder.path / METRICS)),
        evaluation=_evaluation(folder),
        labels=folder.labels,
        masks=_as_png(_test_images_with_masks(folder, count)),
    )
    write_beside(path, lambda beside: beside.write_text(html, encoding="utf-8"))
    return path


def _evaluation(folder):
    path = folder.path / EVALUATION
    return json.loads(path.read_text()) if path.is_file() else None


def _curves(path):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure = matplotlib.figure.Figure(figsize=(8, 3), layout="constrained")
    for axis, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, label in ((metric, "training"), (f"val_{metric}", "test")):
            axis.plot(epochs, [float(row[key]) for row in rows], "o-", label=label)
        axis.set_xlabel("epoch")
        axis.set_ylabel(metric)
        axis.set_xticks(epochs if len(epochs) <= 10 else epochs[:: len(epochs) // 10])
        axis.legend()
    return figure


def _test_images_with_masks(folder, count):
    recipe, preprocessing = folder.recipe, folder.preprocessing
    data = load(
        recipe.data.name, preprocessing, recipe.data.data_dir, recipe.data.download
    )
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
