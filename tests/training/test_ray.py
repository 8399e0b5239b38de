import functools
import os
import sys

import numpy as np
import pytest

from keras_resattn.training import ray_engine
from tests.training.processes import ROOT
from tests.training.recipes import changed


def test_ray_is_asked_for_where_it_is_absent(small_recipe, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install \"keras-resattn\[ray\]\""):
        ray_engine.train_with_ray(small_recipe, tmp_path / "run")


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


@pytest.mark.slow
def test_workers_of_ray_leave_the_run_of_one_device(tiny_recipe, tmp_path):
    ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")
    from keras_resattn import training
    from tests.training import tiny_command

    tiny_command.add_tiny_network()
    died = tmp_path / "died"
    hook = functools.partial(prepare_worker, str(died))
    functools.update_wrapper(hook, prepare_worker)  # Ray asks for its name
    ray.init(
        num_cpus=3,
        include_dashboard=False,
        runtime_env={
            "worker_process_setup_hook": hook,
            "env_vars": {"PYTHONPATH": str(ROOT)},
        },
    )
    try:
        folder = ray_engine.train_with_ray(
            tiny_recipe, tmp_path / "run", 2, use_gpu=False, sync_batch_norm=True
        )
    finally:
        ray.shutdown()
    assert died.exists()
    one = training.fit(tiny_recipe, tmp_path / "one", callbacks=[])
    for weight, expected in zip(
        folder.model.get_weights(), one.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(weight, expected, atol=1e-5)
