"""The model card of a run: what it is, what it can do, how it was made."""

import datetime
import html
import os
import platform
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import yaml

from keras_resattn.model_folder import write_beside
from keras_resattn.training.processor import processor_name
from keras_resattn.version import __version__

UNKNOWN = "unknown"
SHOWN_NAMES = 20
CITATION = """\
## Citation

The paper of the Residual Attention Network:

```bibtex
@inproceedings{wang2017residual,
  title     = {Residual Attention Network for Image Classification},
  author    = {Wang, Fei and Jiang, Mengqing and Qian, Chen and Yang, Shuo and
               Li, Cheng and Zhang, Honggang and Wang, Xiaogang and Tang, Xiaoou},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year      = {2017}
}
```"""
LICENCE = """\
## Licence

Whoever trained the weights has stated none here. keras-resattn, which made the
network, is under Apache-2.0."""
LICENSES = {
    "fashion_mnist_sample": "It is a part of Fashion-MNIST, (c) 2017 Zalando SE, MIT.",
}


def write_card(
    path,
    recipe,
    labels,
    metrics_rows=(),
    seconds=None,
    evaluation=None,
    skipped=(),
    environment=None,
):
    """Write the model card of a run, in the form of Hugging Face's.

    It holds nothing but what it is told and what the program sees; what it
    does not know it calls unknown. Folders are left out of names and commands.

    Example:

    >>> rows = list(csv.DictReader(open("runs/demo/metrics.csv")))
    >>> write_card("runs/demo/card.md", recipe, labels, rows, seconds=320)

    Args:
        path: The file to write.
        recipe: The `Recipe` of the run.
        labels: The names of the classes.
        metrics_rows: A list of dictionaries, one an epoch: the rows of
            `metrics.csv`, numbers or their texts.
        seconds: Float, how long the training took, with its tests.
        evaluation: Optional dictionary, what `evaluation.json` holds.
        skipped: The paths of the images that could not be read.
        environment: A dictionary as of `describe_environment`, that of the
            training. Defaults to the one of this process.

    Returns:
        The `pathlib.Path` of the file.
    """
    path = Path(path)
    environment = describe_environment() if environment is None else environment
    sections = [
        _front_matter(recipe, evaluation),
        _title(recipe, labels),
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


def describe_environment():
    """Return what software and which devices this process has, by name."""
    return {
        "keras-resattn": __version__,
        "Keras": keras.__version__,
        "backend": keras.backend.backend(),
        "TensorFlow": tf.__version__,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": f"{processor_name() or UNKNOWN}, {os.cpu_count()} logical cores",
        "GPUs": ", ".join(_gpus()) or "none",
    }


def _gpus():
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        yield details.get("device_name", UNKNOWN)


def _front_matter(recipe, evaluation):
    network, data = recipe.network.name, _data_name(recipe.data.name)
    fields = {
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "keras-resattn", network],
    }
    if not _is_folder(recipe.data.name):
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


def _title(recipe, labels):
    height, width, channels = recipe.network.input_shape
    return (
        f"# {recipe.network.name} on {_text(_data_name(recipe.data.name))}\n\n"
        "Made and trained with keras-resattn, the package of the Residual Attention "
        "Network ([Wang et al., CVPR 2017](https://arxiv.org/abs/1704.06904)): "
        f"images of {height} x {width} pixels with {channels} "
        f"channel{'s' if channels > 1 else ''} in, probabilities of {len(labels)} "
        "classes out."
    )


def _results(rows, evaluation):
    parts = ["## Results"]
    if evaluation:
        parts.append(
            f"Tested after the training on {evaluation['count']:,} images of "
            f"{_text(_data_name(evaluation['data']))}:"
        )
        measured = [
            (name, _figure(value))
            for name, value in evaluation.items()
            if isinstance(value, (int, float)) and name != "count"
        ]
        parts.append(_table(("", "value"), measured))
    else:
        parts.append("It was not evaluated after the training.")
    if rows:
        last = rows[-1]
        measured = [(k, _figure(v)) for k, v in last.items() if k != "epoch" and v]
        parts.append(
            f"After epoch {int(last['epoch']) + 1}, the last of the training "
            "(`val_` is of the test images):"
        )
        parts.append(_table(("", "value"), measured))
    else:
        parts.append("The metrics of its epochs are unknown.")
    return "\n\n".join(parts)


def _data(recipe, labels, skipped):
    kind = "a folder of images, " if _is_folder(recipe.data.name) else "the data set "
    name = _data_name(recipe.data.name)
    origin = "Its licence and origin are unknown to the program that wrote this card."
    parts = [
        f"## Data\n\nTrained and tested on {kind}{_text(name)}. "
        f"{LICENSES.get(name, origin)}",
        f"{len(labels)} classes: {_names(labels)}.",
    ]
    if skipped:
        names = [Path(name).name for name in skipped]
        parts.append(
            f"Left out, since they could not be read: {len(names)} ({_names(names)})."
        )
    return "\n\n".join(parts)


def _training(recipe, rows, seconds):
    duration = UNKNOWN if seconds is None else _duration(seconds)
    return (
        f"## Training\n\n{len(rows)} of {recipe.train.epochs} epochs; time, tests "
        f"included: {duration}.\n\n"
        "```\nkeras-resattn train recipe.yaml --out FOLDER\n```\n\n"
        "The recipe, every setting spelt out, folders left out:\n\n"
        f"```yaml\n{_recipe_without_folders(recipe)}```"
    )


def _environment(environment):
    return f"## Environment\n\n{_table(('', ''), environment.items())}"


def _limits(recipe, labels, evaluation, skipped):
    height, width, _ = recipe.network.input_shape
    correct = recipe.data.correct_labels
    data = _text(_data_name(recipe.data.name))
    limits = [
        f"It was trained on images of {data} only. How it does on others was not "
        "tested.",
        f"It gives each image one of {len(labels)} classes, whatever the image shows.",
        f"Every image is resized to {height} x {width} pixels: what is smaller than "
        "that shows is lost.",
        "No evaluation of robustness, of fairness or of how well its probabilities "
        "are calibrated was done.",
    ]
    if not evaluation:
        limits.append("The figures of the epochs are the only test it has had.")
    if skipped:
        limits.append("The images that could not be read are in no figure.")
    if correct < 1:
        limits.append(
            f"Only {correct:.0%} of the training labels were left as they are; the "
            "others were made wrong on purpose."
        )
    return "## Limits\n\n" + "\n".join(f"* {limit}" for limit in limits)


def _is_folder(name):
    return name.startswith((".", "~", os.sep)) or Path(name).expanduser().is_dir()


def _data_name(name):
    return Path(name).expanduser().resolve().name if _is_folder(name) else name


def _names(names):
    shown = ", ".join(_text(name) for name in names[:SHOWN_NAMES])
    rest = len(names) - SHOWN_NAMES
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def _text(name):
    """Return a name as text for Markdown, whatever characters it has."""
    return html.escape(str(name)).replace("|", "&#124;").replace("`", "&#96;")


def _table(head, rows):
    lines = [head, ("---", "---"), *((_text(k), _text(v)) for k, v in rows)]
    return "\n".join(f"| {name} | {value} |" for name, value in lines)


def _figure(value):
    """Return a figure, or its text, with four digits."""
    try:
        return f"{float(value):.4g}"
    except ValueError:  # "NA", as CSVLogger calls what is missing
        return value


def _duration(seconds):
    return f"{datetime.timedelta(seconds=round(seconds))} (h:mm:ss)"


def _recipe_without_folders(recipe):
    settings = recipe.model_dump(mode="json")
    settings["data"] |= {"name": _data_name(recipe.data.name), "data_dir": None}
    if recipe.network.weights:
        settings["network"]["weights"] = _file_name(recipe.network.weights)
    return yaml.safe_dump(settings, sort_keys=False)


def _file_name(weights):
    """Return the name of a weights file; an address or a name as it is."""
    return weights if "://" in weights else Path(weights).name
