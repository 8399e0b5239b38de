import importlib.machinery
import sys
import types

import pytest

from keras_resattn.training.loggers import logger_callbacks


@pytest.fixture
def trackers(monkeypatch):
    """Modules in place of wandb and mlflow, which note what they are told."""
    told = []
    wandb = types.ModuleType("wandb")
    wandb.run = None
    wandb.init = lambda config: told.append(("wandb", config))
    mlflow = types.ModuleType("mlflow")
    mlflow.active_run = lambda: None
    mlflow.start_run = lambda: told.append("mlflow")
    mlflow.log_dict = lambda config, path: told.append((path, config))
    integrations = {
        "wandb.integration.keras": {"WandbMetricsLogger": lambda: "wandb's callback"},
        "mlflow.keras": {"MlflowCallback": lambda: "mlflow's callback"},
    }
    for module in (wandb, mlflow):
        module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    for name, attributes in integrations.items():
        module = types.ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
    return types.SimpleNamespace(told=told, wandb=wandb, mlflow=mlflow)


def test_no_tracker_is_used_unless_it_is_named(trackers):
    assert logger_callbacks([]) == []
    assert trackers.told == []


def test_each_tracker_brings_its_own_callback_and_gets_the_recipe(trackers):
    recipe = {"seed": 3}
    callbacks = logger_callbacks(["mlflow", "wandb", "mlflow"], recipe)
    assert callbacks == ["mlflow's callback", "wandb's callback"]
    assert trackers.told == ["mlflow", ("recipe.json", recipe), ("wandb", recipe)]


def test_a_run_that_is_under_way_is_used(trackers):
    trackers.wandb.run = trackers.mlflow.active_run = lambda: "a run"
    assert len(logger_callbacks(["wandb", "mlflow"])) == 2
    assert trackers.told == []


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_tracker_that_is_not_installed_is_told_with_a_hint(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"pip install .*\[{name}\]"):
        logger_callbacks([name])


def test_an_unknown_tracker_is_named():
    with pytest.raises(ValueError, match="known loggers are wandb.*Received: comet"):
        logger_callbacks(["wandb", "comet"])
