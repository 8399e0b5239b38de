"""Trainings over several devices, each in processes of its own."""

import csv
import signal
import sys

import numpy as np
import pytest

from keras_resattn.model_folder import ModelFolder
from tests.training import processes
from tests.training import small_training
from tests.training import tiny_command
from tests.training.processes import ROOT
from tests.training.processes import assert_equal

SMALL = ("-m", "tests.training.small_training")
TINY = ("-m", "tests.training.tiny_command")
TWO = (
    "--xla_force_host_platform_device_count=2 "
    # On busy cores a device may wait longer for the other than JAX likes.
    "--xla_cpu_collective_call_terminate_timeout_seconds=600"
)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Losses and weights of one device."""
    out = tmp_path_factory.mktemp("expected") / "one.npz"
    _, results = small_training.train(None)
    np.savez(out, **results)
    return out


@pytest.fixture(scope="module")
def options(photos):
    """A run of the command that takes seconds."""
    settings = {
        "data.name": photos,
        "network.name": "tiny",
        "network.weights": "null",
        "network.input_shape": "[8,8,3]",
        "augmentation.crop_padding": 1,
        "train.epochs": 3,
        "train.batch_size": 12,
        "train.learning_rate": 0.02,
    }
    pairs = [("--set", f"{key}={value}") for key, value in settings.items()]
    return ["folder", *(word for pair in pairs for word in pair)]


@pytest.fixture(scope="module")
def undisturbed(options, tmp_path_factory):
    """The run folder of two workers that nothing happened to."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    processes.wait(_two_workers(options, out))
    return out


def _two_workers(options, out, **environment):
    train = ["train", *options, "--resume", out]
    distribution = ["--distribution", "multiworker", "--sync-batch-norm"]
    command = [sys.executable, *TINY, *train, *distribution]
    supervisor = ROOT / "cluster" / "local_workers.py"
    return processes.start(supervisor, "2", *command, **environment)


def _weights(out):
    tiny_command.add_tiny_network()
    return ModelFolder.open(out).model.get_weights()


def _losses(out):
    with (out / "metrics.csv").open(newline="") as file:
        return [float(row["val_loss"]) for row in csv.DictReader(file)]


@pytest.mark.slow
def test_two_devices_train_as_one(expected, tmp_path):
    out = tmp_path / "two.npz"
    processes.wait(
        processes.start(*SMALL, out, "--distribution", "mirrored", "--devices", "2")
    )
    assert_equal(out, expected)


def test_two_workers_train_as_one_process(expected, tmp_path):
    outs = [tmp_path / "chief.npz", tmp_path / "worker.npz"]
    processes.wait(
        *(
            processes.start(*SMALL, out, "--distribution", "multiworker", **environment)
            for out, environment in zip(
                outs, processes.worker_environments(2), strict=True
            )
        )
    )
    assert_equal(outs[0], expected)
    assert_equal(outs[1], outs[0], atol=0)


@pytest.mark.slow
def test_two_devices_of_jax_train_as_one(tmp_path):
    outs = [tmp_path / "one.npz", tmp_path / "two.npz"]
    processes.wait(processes.start(*SMALL, outs[0], KERAS_BACKEND="jax"))
    processes.wait(
        processes.start(
            *SMALL, outs[1], "--distribution=jax", KERAS_BACKEND="jax", XLA_FLAGS=TWO
        )
    )
    assert_equal(outs[1], outs[0])


@pytest.mark.slow
def test_a_killed_run_on_two_devices_of_jax_goes_on(options, tmp_path):
    out, undisturbed = tmp_path / "run", tmp_path / "undisturbed"
    train = (*TINY, "train", *options, "--distribution", "jax")
    jax = {"KERAS_BACKEND": "jax", "XLA_FLAGS": TWO}
    die = {"DIE_AT_EPOCH": "1", "DIED": str(tmp_path / "died")}
    process = processes.start(*train, "--out", out, **jax, **die)
    printed, _ = process.communicate(timeout=900)
    assert process.returncode == -signal.SIGKILL, printed
    assert (tmp_path / "run.partial" / "checkpoint.h5").is_file()
    (printed,) = processes.wait(processes.start(*train, "--resume", out, **jax))
    assert "global batch 12 = 2 devices x 6" in printed
    assert "epoch 1/3" not in printed and "epoch 2/3" in printed
    processes.wait(processes.start(*train, "--out", undisturbed, **jax))
    np.testing.assert_allclose(_losses(out), _losses(undisturbed), atol=1e-6)
    for weight, other in zip(_weights(out), _weights(undisturbed), strict=True):
        np.testing.assert_allclose(weight, other, atol=1e-6)


@pytest.mark.slow
def test_averaged_weights_of_two_devices_are_those_of_one(options, tmp_path):
    train = (*TINY, "train", *options, "--set", "train.ema_momentum=0.9")
    mirrored = ("--distribution", "mirrored", "--sync-batch-norm")
    one, two = tmp_path / "one", tmp_path / "two"
    processes.wait(processes.start(*train, "--out", one))
    (printed,) = processes.wait(
        processes.start(*train, "--out", two, *mirrored, CPUS="2")
    )
    assert "global batch 12 = 2 devices x 6" in printed
    np.testing.assert_allclose(_losses(two), _losses(one), atol=1e-5)
    for weight, expected in zip(_weights(two), _weights(one), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_the_command_trains_on_two_workers_as_on_one(undisturbed, options, tmp_path):
    out = tmp_path / "one"
    processes.wait(processes.start(*TINY, "train", *options, "--out", out))
    np.testing.assert_allclose(_losses(undisturbed), _losses(out), atol=1e-5)
    for weight, one in zip(_weights(undisturbed), _weights(out), strict=True):
        np.testing.assert_allclose(weight, one, atol=1e-5)
    names = sorted(path.name for path in undisturbed.iterdir())
    assert names == sorted(path.name for path in out.iterdir())


@pytest.mark.slow
def test_a_killed_worker_changes_nothing_in_the_end(undisturbed, options, tmp_path):
    out, died = tmp_path / "run", tmp_path / "died"
    (printed,) = processes.wait(
        _two_workers(options, out, DIE_AT_EPOCH="1", DIED=str(died))
    )
    assert died.exists()
    assert "Worker 1 ended with exit code -9." in printed
    assert "Another worker ended" in printed
    assert "Worker 0 ended with exit code 1." in printed
    assert _losses(out) == _losses(undisturbed)
    for weight, other in zip(_weights(out), _weights(undisturbed), strict=True):
        np.testing.assert_array_equal(weight, other)
