"""Experiment trackers, by the Keras callbacks that they bring (extras)."""

import importlib


def logger_callbacks(names, config=None):
    """Return the callbacks of experiment trackers.

    A run of the tracker that is under way is used, else one is begun, with the
    tracker's own settings: its environment variables, such as `WANDB_MODE` or
    `MLFLOW_TRACKING_URI`, say where it goes.

    Example:

    >>> callbacks = logger_callbacks(["mlflow"], recipe.model_dump(mode="json"))
    >>> model.fit(batches, epochs=3, callbacks=callbacks)

    Args:
        names: A list of trackers: `"wandb"` (Weights & Biases), `"mlflow"`.
        config: Optional dictionary to describe a run that is begun, such as its
            recipe.

    Returns:
        A list of Keras callbacks.

    Raises:
        ImportError: If a tracker is not installed.
        ValueError: If a tracker is not known.
    """
    unknown = [name for name in names if name not in LOGGERS]
    if unknown:
        raise ValueError(
            f"Known loggers are {', '.join(LOGGERS)}. Received: {', '.join(unknown)}"
        )
    return [LOGGERS[name](config or {}) for name in dict.fromkeys(names)]


def _wandb(config):
    wandb, integration = _import("wandb", "wandb.integration.keras")
    if wandb.run is None:
        wandb.init(config=config)
    return integration.WandbMetricsLogger()


def _mlflow(config):
    mlflow, integration = _import("mlflow", "mlflow.keras")
    if mlflow.active_run() is None:
        mlflow.start_run()
        mlflow.log_dict(config, "recipe.json")
    return integration.MlflowCallback()


LOGGERS = {"wandb": _wandb, "mlflow": _mlflow}


def _import(name, integration):
    try:
        return importlib.import_module(name), importlib.import_module(integration)
    except ImportError as error:
        raise ImportError(
            f"This logger needs the package {name}: "
            f'pip install "keras-resattn[{name}]" ({error})'
        ) from error
