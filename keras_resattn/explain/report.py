"""Write the report of a run: one HTML file that contains its figures."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_resattn.atomic_writing import check_not_a_folder
from keras_resattn.explain.pages import svg
from keras_resattn.explain.pages import write_page
from keras_resattn.explain.report_images import image_groups
from keras_resattn.explain.report_tables import SHOWN_CLASSES
from keras_resattn.explain.report_tables import calibration_curve
from keras_resattn.explain.report_tables import class_rows
from keras_resattn.explain.report_tables import curves_of
from keras_resattn.explain.report_tables import environment_of
from keras_resattn.explain.report_tables import gaps_of
from keras_resattn.explain.report_tables import metrics_of
from keras_resattn.explain.report_tables import worst_confusions
from keras_resattn.model_folder import EVALUATION
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import StrPath
from keras_resattn.version import __version__
from keras_resattn_client.extras import require_extra


def write_report(folder: ModelFolder, path: StrPath, count: int = 8) -> Path:
    """Write the report of a run as one HTML file.

    It has the results of `evaluate` with the confusions, each class and the
    calibration; the curves of the training; test images with the amplification and
    the mask patterns of the first module of each stage: the first ones, the wrong ones
    and the least sure ones; the time, the devices, the versions and the recipe.

    Example:

    >>> write_report(ModelFolder.open("runs/demo"), "report.html")

    Args:
        folder: A `ModelFolder`. Results are shown if it was evaluated.
        path: The HTML file to write.
        count: Integer, how many test images to show of each kind: the first ones, the
            wrong ones, and the least sure ones.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ImportError: If the extra `vis` is not installed.
        IsADirectoryError: If `path` is a folder.
    """
    require_extra("vis", "The report", ("jinja2", "matplotlib", "PIL", "sklearn"))
    path = Path(path)
    check_not_a_folder(path)
    metrics = metrics_of(folder.path / METRICS)
    evaluation = _evaluation(folder)
    images, missing = _images_or_reason(folder, count, evaluation)
    write_page(
        path,
        "report.html",
        name=folder.path.name,
        version=__version__,
        network=folder.recipe.network.name,
        parameters=folder.model.count_params(),
        recipe=folder.recipe.to_yaml(),
        curves=[svg(figure) for figure in curves_of(metrics)],
        gaps=gaps_of(metrics),
        environment=environment_of(folder.path, metrics),
        labels=folder.labels,
        images=images,
        missing=missing,
        **_results(folder, evaluation),
    )
    return path


def _evaluation(folder: ModelFolder) -> dict[str, Any] | None:
    path = folder.path / EVALUATION
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def _results(
    folder: ModelFolder, evaluation: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return what the page shows of an evaluation."""
    if evaluation is None:
        return {"evaluation": None}
    confusion, labels = evaluation["confusion"], folder.labels
    bins = evaluation.get("calibration")
    return {
        "evaluation": evaluation,
        "whole": len(labels) <= SHOWN_CLASSES,
        "classes": class_rows(confusion, labels)[:SHOWN_CLASSES],
        "worst": worst_confusions(confusion, labels),
        "calibration": svg(calibration_curve(bins)) if bins else None,
    }


def _images_or_reason(
    folder: ModelFolder, count: int, evaluation: Mapping[str, Any] | None
) -> tuple[dict[str, Any] | None, str]:
    """Return the test images and ""; without images, why there are none."""
    try:
        return image_groups(folder, count, evaluation), ""
    except (FileNotFoundError, ValueError) as error:
        warnings.warn(
            f"The report has no figures of test images: {error}", stacklevel=3
        )
        return None, str(error)
