"""The software, devices and numbers of images of a training, and their changes."""

import os
import platform
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_resattn.data.labelled_images import LabelledImages
from keras_resattn.training.processor import processor_name
from keras_resattn.version import __version__

UNKNOWN = "unknown"
CHANGES = "changes"


def describe_environment(replicas: int = 1) -> dict[str, str]:
    """Return the software and the devices of this process, by name.

    Args:
        replicas: The number of devices that share each batch.
    """
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
        "devices per batch": str(replicas),
    }


def counted(data: LabelledImages) -> dict[str, str]:
    """Return the number of images of each split, by name."""
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    return {f"{part} images": f"{split.count:,}" for part, split in splits.items()}


def add_changes(
    environment: Mapping[str, Any],
    epoch: int,
    current: Mapping[str, str],
    settings: Mapping[str, str],
) -> dict[str, Any]:
    """Return an environment with what is different from an epoch on.

    Args:
        environment: The environment of the training so far. Earlier changes are
            in its entry `"changes"`, by epoch.
        epoch: The first epoch, counted from 1, after the training was resumed.
        current: The environment of this process.
        settings: The settings of the recipe that changed, with their new values.
    """
    changes = {
        key: dict(values)
        for key, values in environment.get(CHANGES, {}).items()
        if int(key) < epoch
    }
    known = latest({**environment, CHANGES: changes})
    different = {
        key: value for key, value in current.items() if known.get(key, value) != value
    }
    if different or settings:
        changes[str(epoch)] = {**settings, **different}
    base = {key: value for key, value in environment.items() if key != CHANGES}
    return {**base, CHANGES: changes} if changes else base


def latest(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return an environment with the last value of each entry."""
    known = {key: value for key, value in environment.items() if key != CHANGES}
    for values in environment.get(CHANGES, {}).values():
        known |= values
    return known


def describe_changes(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return an environment with a row for each epoch in which it changed."""
    rows = {key: value for key, value in environment.items() if key != CHANGES}
    for epoch, values in environment.get(CHANGES, {}).items():
        texts = [f"{key} {value}" for key, value in values.items()]
        rows[f"from epoch {epoch}"] = ", ".join(texts)
    return rows


def _gpus() -> Iterator[str]:
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        yield details.get("device_name", UNKNOWN)
