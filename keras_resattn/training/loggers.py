"""Experiment trackers, by the Keras callbacks that they provide (extras)."""

import importlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras

from keras_resattn_client.extras import require_extra


def logger_callbacks(
    names: Sequence[str], config: Mapping[str, Any] | None = None
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of experiment trackers.

    If the tracker has an active run, that run is used. Otherwise a new run is
    started. The tracker's own settings, such as the environment variables
    `WANDB_MODE` and `MLFLOW_TRACKING_URI`, choose where the data goes.

    Example:

    >>> callbacks = logger_callbacks(["mlflow"], recipe.model_dump(mode="json"))
    >>> model.fit(batches, epochs=3, callbacks=callbacks)

    Args:
        names: The trackers: `"wandb"` (Weights & Biases), `"mlflow"`.
        config: Optional description of a new run, such as its recipe.

    Returns:
        A list of Keras callbacks.

    Raises:
        ImportError: If a tracker is not installed.
        ValueError: If a tracker is unknown.
    """
    check_loggers(names)
    return [LOGGERS[name](config or {}) for name in dict.fromkeys(names)]


def check_loggers(names: Sequence[str]) -> None:
    """Check that experiment trackers are known and installed.

    Args:
        names: The trackers, see `logger_callbacks`.

    Raises:
        ImportError: If a tracker is not installed.
        ValueError: If a tracker is unknown.
    """
    unknown = [name for name in names if name not in LOGGERS]
    if unknown:
        raise ValueError(
            f"The known loggers are {', '.join(LOGGERS)}. "
            f"Received: {', '.join(unknown)}"
        )
    for name in names:
        require_extra(name, f"The logger `{name}`")


def _wandb(config: Mapping[str, Any]) -> keras.callbacks.Callback:
    wandb = importlib.import_module("wandb")
    integration = importlib.import_module("wandb.integration.keras")
    if wandb.run is None:
        wandb.init(config=config)
    return integration.WandbMetricsLogger()


def _mlflow(config: Mapping[str, Any]) -> keras.callbacks.Callback:
    mlflow = importlib.import_module("mlflow")
    integration = importlib.import_module("mlflow.keras")
    if mlflow.active_run() is None:
        mlflow.start_run()
        mlflow.log_dict(config, "recipe.json")
    return integration.MlflowCallback()


LOGGERS = {"wandb": _wandb, "mlflow": _mlflow}
