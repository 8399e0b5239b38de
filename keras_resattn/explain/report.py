"""Write the report of a run: one HTML file that contains its figures."""

import json
import warnings
from pathlib import Path

import numpy as np

from keras_resattn.explain.explanation import explain_modules
from keras_resattn.explain.figures.attention import attention_figure
from keras_resattn.explain.figures.panels import new_figure
from keras_resattn.explain.figures.triptych import triptych_figure
from keras_resattn.explain.pages import image_source
from keras_resattn.explain.pages import png
from keras_resattn.explain.pages import write_page
from keras_resattn.explain.patterns import mask_patterns
from keras_resattn.explain.reader import choose_modules
from keras_resattn.explain.triptych import select_images
from keras_resattn.model_folder import EVALUATION
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import read_metrics
from keras_resattn.typing import StrPath
from keras_resattn.version import __version__
from keras_resattn.views.modules import attention_modules
from keras_resattn_client.extras import require_extra

# For each panel: its axis, and its lines: a column of metrics.csv and a name.
CURVES = {
    "loss": (("loss", "training"), ("val_loss", "validation")),
    "accuracy": (("accuracy", "training"), ("val_accuracy", "validation")),
    "learning rate": (("learning_rate", "training"),),
}
# How many test images figure 1 shows. Each needs one row per stage.
FIGURE_1_IMAGES = 3


def write_report(folder: ModelFolder, path: StrPath, count: int = 8) -> Path:
    """Write the report of a run: recipe, curves, confusion table, masks.

    Example:

    >>> write_report(ModelFolder.open("runs/demo"), "report.html")

    Args:
        folder: A `ModelFolder`. The confusion table is shown if it was evaluated.
        path: The HTML file to write.
        count: Integer, how many test images to show with their masks.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ImportError: If the extra `vis` is not installed.
    """
    require_extra("vis", "The report", ("jinja2", "matplotlib", "PIL", "sklearn"))
    path = Path(path)
    metrics = _read_metrics(folder.path / METRICS)
    curves = _curves(metrics)
    masks, figure_1, missing = _figures_or_reason(folder, count)
    write_page(
        path,
        "report.html",
        name=folder.path.name,
        version=__version__,
        network=folder.recipe.network.name,
        parameters=folder.model.count_params(),
        recipe=folder.recipe.to_yaml(),
        curves=image_source(png(curves)) if curves else None,
        gaps=_gaps(metrics),
        evaluation=_evaluation(folder),
        labels=folder.labels,
        masks=image_source(png(masks)) if masks else None,
        figure_1=image_source(png(figure_1)) if figure_1 else None,
        missing=missing,
    )
    return path


def _evaluation(folder):
    path = folder.path / EVALUATION
    return json.loads(path.read_text()) if path.is_file() else None


def _read_metrics(path):
    """Return an array for each metric, with one entry per epoch."""
    rows = read_metrics(path)
    names = rows[0] if rows else ()
    return {name: np.array([_number(row[name]) for row in rows]) for name in names}


def _number(text):
    try:
        number = float(text)
    except (TypeError, ValueError):  # "NA", or a line that is cut off
        return np.nan
    return number if np.isfinite(number) else np.nan


def _curves(metrics):
    """Return the figure of the metrics over the epochs, or None without metrics."""
    drawn = {
        title: {label: metrics[name] for name, label in lines if name in metrics}
        for title, lines in CURVES.items()
    }
    drawn = {title: lines for title, lines in drawn.items() if lines}
    if not drawn:
        return None
    epochs = metrics["epoch"]
    figure = new_figure(4 * len(drawn), 3)
    axes = figure.subplots(1, len(drawn), squeeze=False)[0]
    for axis, (title, lines) in zip(axes, drawn.items(), strict=True):
        for label, values in lines.items():
            axis.plot(epochs, values, "o-", markersize=3, label=label)
        axis.set_xlabel("epoch")
        axis.set_ylabel(title)
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        if len(lines) > 1:
            axis.legend()
    return figure


def _gaps(metrics):
    """Return, as text, the metrics and epochs without a number."""
    gaps = {
        name: [str(int(epoch)) for epoch in metrics["epoch"][np.isnan(values)]]
        for name, values in metrics.items()
        if any(name == known for lines in CURVES.values() for known, _ in lines)
    }
    return [f"{name}: {', '.join(epochs)}" for name, epochs in gaps.items() if epochs]


def _figures_or_reason(folder, count):
    """Return two figures of test images and ""; without images, why there are none."""
    try:
        return *_figures_of_test_images(folder, count), ""
    except (FileNotFoundError, ValueError) as error:
        warnings.warn(
            f"The report has no figures of test images: {error}", stacklevel=3
        )
        return None, None, str(error)


def _figures_of_test_images(folder, count):
    """Return two figures of the first test images: masks, and figure 1."""
    preprocessing = folder.preprocessing
    data = folder.labelled_images()
    pairs = list(data.test.images.take(count))
    images = np.stack([preprocessing.resize(image) for image, _ in pairs])
    modules = attention_modules(folder.model)
    stages = choose_modules(modules, _first_of_each_stage(modules))
    inputs = [preprocessing.standardize(images)]
    [explanation] = explain_modules(folder.model, modules, stages, inputs)
    patterns = {
        name: mask_patterns(mask) for name, mask in explanation.channel_masks.items()
    }
    titles = [
        f"label: {data.labels[int(truth)]}\n"
        f"predicted: {folder.labels[row.argmax()]}, {row.max():.0%}"
        for (_, truth), row in zip(pairs, explanation.outputs, strict=True)
    ]
    few = slice(FIGURE_1_IMAGES)
    triptychs = [select_images(t, few) for t in explanation.triptychs.values()]
    return (
        attention_figure(images, explanation.amplification, patterns, titles),
        triptych_figure(images[few], triptychs, titles[few]),
    )


def _first_of_each_stage(modules):
    """Return the name of the first module of each stage: some networks have dozens."""
    stages = {}
    for name in modules:
        stages.setdefault(name.partition("_")[0], name)
    return list(stages.values())
