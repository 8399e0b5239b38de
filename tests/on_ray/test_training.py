import functools
import os
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from keras_resattn.model_folder import ModelFolder
from keras_resattn.on_ray import training as on_ray
from keras_resattn_cli.main import app
from tests.training.processes import ROOT
from tests.training.recipes import changed


def test_ray_is_asked_for_where_it_is_absent(small_recipe, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"Training on Ray .*pip install .*\[ray\]"):
        on_ray.train_with_ray(small_recipe, tmp_path / "run")


@pytest.fixture
def tiny_recipe(small_recipe):
    return changed(
        small_recipe,
        {"network.input_shape": (8, 8, 3), "augmentation.crop_padding": 1},
    )


def prepare_worker(died):
    """Add the network to a worker's zoo, and let the second worker die once."""
    from keras_resattn import training
    from tests.training import tiny_command

    os.environ |= {"DIE_AT_EPOCH": "1", "DIED": died}
    tiny_command.add_tiny_network()
    fit = training.fit

    def fit_or_die(*arguments, **named):
        second = '"index": 1' in os.environ["TF_CONFIG"]
        callbacks = [tiny_command.Die()] if second else []
        return fit(*arguments, callbacks=callbacks, **named)

    training.fit = fit_or_die


def test_relative_paths_mean_the_same_in_the_folder_of_a_worker(
    small_recipe, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "photos").mkdir()
    (tmp_path / "body.npz").touch()

    def absolute(**settings):
        settings = {key.replace("__", "."): value for key, value in settings.items()}
        recipe = on_ray.with_absolute_paths(changed(small_recipe, settings))
        return recipe.data.name, recipe.data.data_dir, recipe.network.weights

    paths = [str(tmp_path / name) for name in ("photos", "made_later", "body.npz")]
    for home in ("", "./", "~/"):
        assert paths == list(
            absolute(
                data__name=f"{home}photos",
                data__data_dir=f"{home}made_later",
                network__weights=f"{home}body.npz",
            )
        )
    names = ("cifar10", "gs://bucket/data", "hf://owner/repo/body.npz")
    keys = ("data__name", "data__data_dir", "network__weights")
    assert absolute(**dict(zip(keys, names, strict=True))) == names
    names = ("cifar10", None, None)
    assert absolute(**dict(zip(keys, names, strict=True))) == names


@pytest.mark.slow
def test_the_command_on_ray_leaves_the_run_of_one_device(
    tiny_recipe, tmp_path, monkeypatch
):
    import ray

    from keras_resattn import training
    from tests.training import tiny_command

    tiny_command.add_tiny_network()
    died = tmp_path / "died"
    hook = functools.partial(prepare_worker, str(died))
    functools.update_wrapper(hook, prepare_worker)  # Ray asks for its name
    (tmp_path / "photos").symlink_to(tiny_recipe.data.name)
    monkeypatch.chdir(tmp_path)
    recipe = changed(tiny_recipe, {"data.name": "photos"})
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml())
    command = ["train", "recipe.yaml", "--out", "run", "--engine", "ray"]
    options = ["--workers", "2", "--sync-batch-norm", "--masks-every", "1"]
    # On busy cores workers take longer to start than Ray waits.
    monkeypatch.setenv("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", "600")
    ray.init(
        num_cpus=3,
        include_dashboard=False,
        runtime_env={
            "worker_process_setup_hook": hook,
            "env_vars": {"PYTHONPATH": str(ROOT)},
        },
    )
    try:
        result = CliRunner().invoke(app, [*command, *options])
    finally:
        ray.shutdown()
    assert result.exit_code == 0, result.exception
    assert "The model folder is run." in result.output.splitlines()
    assert died.exists()
    folder = ModelFolder.open(tmp_path / "run")
    assert folder.recipe.data.name == str(tmp_path / "photos")
    assert list((folder.path / "tensorboard" / "masks").iterdir())
    one = training.fit(recipe, tmp_path / "one", callbacks=[])
    for weight, expected in zip(
        folder.model.get_weights(), one.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(weight, expected, atol=1e-5)


def test_data_are_named_on_a_worker_by_the_rule_of_one_process(
    small_recipe, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "list.csv").touch()

    def named(name):
        recipe = changed(small_recipe, {"data.name": name})
        return on_ray.with_absolute_paths(recipe).data.name

    assert named("cifar10") == "cifar10"  # the data set
    assert named("./cifar10") == str(tmp_path / "cifar10")
    assert named("list.csv") == str(tmp_path / "list.csv")
