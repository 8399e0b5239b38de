"""The model card of a run: the model, its results and its training."""

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from keras_resattn.atomic_writing import write_beside
from keras_resattn.model_folder import UNKNOWN_DATA
from keras_resattn.recipes.settings import Recipe
from keras_resattn.training.card_data import data_name
from keras_resattn.training.card_data import is_public
from keras_resattn.training.card_data import kind_of
from keras_resattn.training.card_data import trained_on
from keras_resattn.training.card_texts import CITATION
from keras_resattn.training.card_texts import LICENCE
from keras_resattn.training.card_texts import USE
from keras_resattn.training.environment import UNKNOWN
from keras_resattn.training.environment import describe_environment
from keras_resattn.training.markdown import duration_text
from keras_resattn.training.markdown import escaped
from keras_resattn.training.markdown import four_digits
from keras_resattn.training.markdown import listed
from keras_resattn.training.markdown import table
from keras_resattn.training.selection import Selection
from keras_resattn.typing import StrPath

# The results in `evaluation.json` that the card has.
MEASURED = ("loss", "accuracy", "top5_accuracy", "calibration_error")
LICENSES = {
    "fashion_mnist_sample": (
        "It is a part of Fashion-MNIST, (c) 2017 Zalando SE, licence MIT."
    ),
}


def write_card(
    path: StrPath,
    recipe: Recipe,
    labels: Sequence[str],
    metrics_rows: Sequence[Mapping[str, Any]] = (),
    seconds: float | None = None,
    evaluation: Mapping[str, Any] | None = None,
    skipped: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Path:
    """Write the model card of a run, in the format of Hugging Face.

    The card has only what the arguments state and what the program can see. It
    calls everything else unknown. Names and commands have no folders.

    Example:

    >>> rows = list(csv.DictReader(open("runs/demo/metrics.csv")))
    >>> write_card("runs/demo/card.md", recipe, labels, rows, seconds=320)

    Args:
        path: The file to write.
        recipe: The `Recipe` of the run.
        labels: The names of the classes.
        metrics_rows: The rows of `metrics.csv`, a dictionary per epoch, with
            numbers or their texts.
        seconds: The duration of the training, with its tests.
        evaluation: The content of `evaluation.json`, if it exists.
        skipped: The paths of the images that could not be read.
        environment: The environment of the training, as `describe_environment`
            returns it. Defaults to that of this process.

    Returns:
        The `pathlib.Path` of the file.
    """
    path = Path(path)
    environment = describe_environment() if environment is None else environment
    sections = [
        _front_matter(recipe, evaluation),
        _title(recipe, labels),
        USE,
        _results(metrics_rows, evaluation),
        _data(recipe, labels, skipped),
        _training(recipe, metrics_rows, seconds),
        _environment(environment),
        _limits(recipe, labels, evaluation, skipped),
        LICENCE,
        CITATION,
    ]
    text = "\n\n".join(sections) + "\n"
    write_beside(path, lambda beside: beside.write_text(text, encoding="utf-8"))
    return path


def _front_matter(recipe: Recipe, evaluation: Mapping[str, Any] | None) -> str:
    network, data = recipe.network.name, data_name(recipe.data.name)
    fields: dict[str, Any] = {
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "keras-resattn", network],
    }
    if is_public(recipe.data.name):
        fields["datasets"] = [data]
    fields["metrics"] = ["accuracy"]
    if evaluation:
        metric = {"type": "accuracy", "value": round(evaluation["accuracy"], 6)}
        result = {
            "task": {"type": "image-classification"},
            "dataset": {"name": data, "type": data},
            "metrics": [metric],
        }
        fields["model-index"] = [{"name": network, "results": [result]}]
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)
    return f"---\n{text}---"


def _title(recipe: Recipe, labels: Sequence[str]) -> str:
    height, width, channels = recipe.network.input_shape
    is_known = recipe.data.name != UNKNOWN_DATA
    data = f" on {escaped(data_name(recipe.data.name))}" if is_known else ""
    return (
        f"# {escaped(recipe.network.name)}{data}\n\nThis network was "
        f"{'trained' if is_known else 'packaged'} with keras-resattn, a package for "
        "the Residual "
        "Attention Network ([Wang et al., CVPR "
        "2017](https://arxiv.org/abs/1704.06904)). It classifies images of "
        f"{height} x {width} pixels with {channels} "
        f"channel{'s' if channels > 1 else ''} into {len(labels)} classes."
    )


def _results(
    rows: Sequence[Mapping[str, Any]], evaluation: Mapping[str, Any] | None
) -> str:
    parts = ["## Results"]
    if evaluation:
        parts.append(
            f"Evaluated after the training on {evaluation['count']:,} test images of "
            f"{escaped(data_name(evaluation['data']))}:"
        )
        measured = [
            (name, four_digits(evaluation[name]))
            for name in MEASURED
            if evaluation.get(name) is not None
        ]
        parts.append(table(("", "value"), measured))
    else:
        parts.append("The model was not evaluated after the training.")
    if rows:
        last = rows[-1]
        measured = [(k, four_digits(v)) for k, v in last.items() if k != "epoch" and v]
        parts.append(
            f"After epoch {last['epoch']}, the last epoch (values with "
            "`val_` are for the validation images):"
        )
        parts.append(table(("", "value"), measured))
    else:
        parts.append("The metrics of the epochs are unknown.")
    return "\n\n".join(parts)


def _data(recipe: Recipe, labels: Sequence[str], skipped: Sequence[str]) -> str:
    if recipe.data.name == UNKNOWN_DATA:
        return (
            "## Data\n\nThe data of the training are unknown.\n\n"
            f"{len(labels)} classes: {listed(labels)}."
        )
    name = data_name(recipe.data.name)
    origin = "Its licence and its origin are unknown."
    parts = [
        f"## Data\n\nTrained and tested on {kind_of(recipe.data.name)}{escaped(name)}. "
        f"{LICENSES.get(name, origin)}",
        f"{len(labels)} classes: {listed(labels)}.",
    ]
    if skipped:
        names = [Path(name).name for name in skipped]
        count = "1 image was" if len(names) == 1 else f"{len(names)} images were"
        parts.append(f"{count} left out because of unreadable files: {listed(names)}.")
    return "\n\n".join(parts)


def _training(
    recipe: Recipe, rows: Sequence[Mapping[str, Any]], seconds: float | None
) -> str:
    duration = UNKNOWN if seconds is None else duration_text(seconds)
    return (
        f"## Training\n\n{len(rows)} of {recipe.train.epochs} epochs. Time, including "
        f"tests: {duration}.{_start(recipe)}{_selected(recipe, rows)}\n\n"
        "```\nkeras-resattn train recipe.yaml --out FOLDER\n```\n\n"
        "The recipe with every setting, without folders:\n\n"
        f"```yaml\n{_recipe_without_folders(recipe)}```"
    )


def _start(recipe: Recipe) -> str:
    """Return a sentence on the weights with which the training began."""
    if recipe.network.weights is None:
        return ""
    name = escaped(Path(recipe.network.weights).name)
    return (
        f" The training began with the weights {name}; the epochs that made these are "
        "not counted here."
    )


def _selected(recipe: Recipe, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return sentences on early stopping and the epoch of the model."""
    if not rows:
        return ""
    selection = Selection(recipe.train.patience, rows)
    text = ""
    if selection.must_stop:
        text += (
            f" The training stopped because {recipe.train.patience} epochs in "
            "succession had no better validation accuracy."
        )
    if recipe.train.keep == "best":
        text += (
            f" The model is that of epoch {selection.best_epoch}, which had the "
            "highest validation accuracy."
        )
    return text


def _environment(environment: Mapping[str, str]) -> str:
    return f"## Environment\n\n{table(('', ''), environment.items())}"


def _limits(
    recipe: Recipe,
    labels: Sequence[str],
    evaluation: Mapping[str, Any] | None,
    skipped: Sequence[str],
) -> str:
    height, width, _ = recipe.network.input_shape
    correct = recipe.data.correct_labels
    calibrated = "calibration_error" in (evaluation or {})
    unknown = "Robustness and fairness"
    if not calibrated:
        unknown = "Robustness, fairness and the calibration of the probabilities"
    limits = [
        trained_on(recipe.data.name),
        f"It assigns every image to one of {len(labels)} classes, also images that "
        "show something else.",
        f"Every image is resized to {height} x {width} pixels, so small details are "
        "lost.",
        f"{unknown} were not evaluated.",
    ]
    if not evaluation:
        limits.append("Only the tests after each epoch were made.")
    if skipped:
        limits.append("No result includes the images that could not be read.")
    if correct < 1:
        limits.append(
            f"Only {correct:.0%} of the training labels are correct; the others were "
            "made wrong on purpose."
        )
    return "## Limits\n\n" + "\n".join(f"* {limit}" for limit in limits)


def _recipe_without_folders(recipe: Recipe) -> str:
    settings = recipe.model_dump(mode="json")
    settings["data"] |= {"name": data_name(recipe.data.name), "data_dir": None}
    if recipe.network.weights:
        settings["network"]["weights"] = _file_name(recipe.network.weights)
    return yaml.safe_dump(settings, sort_keys=False)


def _file_name(weights: str) -> str:
    """Return the name of a weights file, or an unchanged address or name."""
    return weights if "://" in weights else Path(weights).name
