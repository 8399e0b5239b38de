"""A run as a process that is killed again and again ends as an undisturbed one."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_resattn import training
from keras_resattn import zoo
from keras_resattn.model_folder import ModelFolder
from keras_resattn.recipes.files import load_recipe
from tests.training import processes
from tests.training import tiny_command

COMMAND = [sys.executable, "-m", "tests.training.tiny_command", "train"]
SETTINGS = {
    "train.epochs": 20,
    "network.input_shape": "[8, 8, 3]",
    "network.name": "tiny",
    "network.weights": "null",
    "train.batch_size": 12,
}


def overrides(photos, **changed):
    settings = SETTINGS | {"data.name": photos} | changed
    return [f"{key}={value}" for key, value in settings.items()]


def arguments(photos, **changed):
    return ["folder", *(f"--set={pair}" for pair in overrides(photos, **changed))]


@pytest.fixture
def networks(monkeypatch):
    """The zoo, to be changed for a test."""
    monkeypatch.setattr(zoo, "NETWORKS", dict(zoo.NETWORKS))


def test_a_run_killed_once_ends_as_an_undisturbed_one(photos, networks, tmp_path):
    tiny_command.add_tiny_network()
    short, out = {"train.epochs": 2}, tmp_path / "run"
    command = [*COMMAND[1:], *arguments(photos, **short), "--out", out]
    died = str(tmp_path / "died")
    process = processes.start(*command, DIE_AT_EPOCH="1", DIED=died)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, printed
    assert not out.exists()
    resumed = training.fit(None, out, resume=True)
    recipe = load_recipe("folder", overrides(photos, **short))
    undisturbed = training.fit(recipe, tmp_path / "undisturbed", callbacks=[])
    for one, other in zip(
        resumed.model.get_weights(), undisturbed.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def undisturbed(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    subprocess.run([*COMMAND, *arguments(photos), "--out", out], check=True)
    return ModelFolder.open(out)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_ends_as_an_undisturbed_one(photos, undisturbed, tmp_path, number):
    out = tmp_path / "run"
    command = [*COMMAND, *arguments(photos), "--resume", out]
    moments = random.Random(0)
    kills = 0
    while True:
        process = subprocess.Popen(command)
        wait_for(tmp_path / "run.partial" / "checkpoint.h5", process)
        time.sleep(moments.uniform(0, 1))  # any moment: of a step, of a save
        process.send_signal(number)
        code = process.wait(timeout=120)
        if code == 0:
            break
        kills += 1
        assert code in {-number, 128 + number}
        assert kills < 100
    assert kills >= 3
    for one, other in zip(
        ModelFolder.open(out).model.get_weights(),
        undisturbed.model.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def wait_for(checkpoint, process):
    """Wait until a process has saved a checkpoint of its own, or has ended."""
    before = checkpoint.stat().st_mtime_ns if checkpoint.is_file() else None
    deadline = time.monotonic() + 300
    while process.poll() is None:
        assert time.monotonic() < deadline
        if checkpoint.is_file() and checkpoint.stat().st_mtime_ns != before:
            return
        time.sleep(0.01)
