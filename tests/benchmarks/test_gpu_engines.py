import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import keras_resattn
from benchmarks.engines import ask
from benchmarks.engines import running
from benchmarks.gpu.engines import seconds_of

NONE = """
import sys, types
from benchmarks.gpu import engines
fake = types.ModuleType("fake")
fake.network = lambda size, twice: lambda batch: (lambda: batch, size * batch * twice)
fake.wait = lambda result: print("a message of a compiler")
fake.reset_peak = lambda: None
fake.peak_bytes = lambda: 7
fake.facts = lambda: {"device": "none", "versions": {}}
sys.modules["benchmarks.gpu.fake_engines"] = fake
engines.TASKS["inference"]["fake"] = engines.Engine("fake", "network", {"twice": 2})
sys.argv[1:] = ["inference", "fake", "32"]
engines.main()
"""


def test_an_engine_answers_with_seconds_operations_and_memory():
    engine = subprocess.Popen(
        [sys.executable, "-c", NONE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with engine:
        assert engine.stdout.readline() == "ready\n"
        for batch in (1, 3):
            question = json.dumps({"batch": batch, "seconds": 1e-6})
            found = ask(engine, question, json.loads)
            assert found.pop("seconds") > 0
            facts = {"device": "none", "versions": {}}
            assert found == {"flop": 64 * batch, "peak_bytes": 7, **facts}
        engine.stdin.close()
    assert engine.returncode == 0


def test_an_error_has_the_reason_why_an_engine_ended():
    with running("gpu.engines", {"no": ("training", "no", 32)}) as engines:
        with pytest.raises(ChildProcessError, match="KeyError: 'no'"):
            ask(engines["no"], "{}")


@pytest.mark.parametrize(("waits_for_each", "waits"), [(True, 12), (False, 2)])
def test_training_waits_at_its_end_and_inference_for_each(
    waits_for_each, waits, monkeypatch
):
    clock = itertools.count()
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    waited = []
    # One call takes a second of this clock.
    seconds = seconds_of(lambda: None, waited.append, 10, waits_for_each)
    assert len(waited) == waits
    assert seconds == 1 / 10


# === The engines themselves, on the processor ===


@pytest.fixture
def without_tensorflow(tmp_path):
    """Return the environment of a process that cannot import TensorFlow."""
    for name in ("tensorflow", "tensorflow_datasets"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('there is none')")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    return {**os.environ, "PYTHONPATH": path, **quick}


def printed(code, environment):
    """Run code in a new process and return the JSON of its last line."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_ours_are_compared_without_tensorflow(without_tensorflow, tmp_path):
    out = tmp_path / "out"
    engines = ["jax-matrices", "ours", "ours-remat", "ours-folded"]
    tiny = "--size 32 --batch 2 --rounds 1 --seconds 0.01 --matrix 64".split()
    command = [sys.executable, "-m", "benchmarks.gpu.compare", str(out), *tiny]
    command += ["--engines", *engines]
    subprocess.run(command, env=without_tensorflow, check=True)
    for task, count in (("training", 3), ("inference", 5)):
        record = json.loads((out / f"{task}.json").read_text())
        assert record["errors"] == {}
        assert len(record["answers"]) == count
        assert set(record["devices"].values()) == {"cpu"}
        assert all(answer["seconds"] > 0 for answer in record["answers"])
    assert "remat, time" in (out / "comparison.md").read_text()


SAME_STEPS = """
from benchmarks.gpu import jax_engines as engines
import keras  # on the backend that they chose
keras.utils.set_random_seed(0)
call, _ = engines.training(32)(2)
means = [float(call()["loss"]) for _ in range(3)]  # as `fit` shows them
keras.utils.set_random_seed(0)
model = engines.compiled_model(32)
data = engines.images(2, 32), engines.labels(2)
print([means, [float(model.train_on_batch(*data)) for _ in range(3)]])
"""


@pytest.mark.slow
def test_the_measured_step_is_that_of_keras(without_tensorflow):
    means, losses = printed(SAME_STEPS, without_tensorflow)
    assert len(set(losses)) == 3
    expected = np.cumsum(losses) / [1, 2, 3]
    np.testing.assert_allclose(means, expected, rtol=1e-3)


THEIRS = """
from benchmarks.gpu import torch_engines as engines
step, of_training = engines.training(64)(2)
answer, of_inference = engines.inference(64)(2)
losses = [step().item() for _ in range(3)]
print([losses, list(answer().shape), of_training, of_inference])
"""


@pytest.mark.needs_torch
def test_pytorchcv_trains_and_answers_with_as_many_operations_as_ours(
    without_tensorflow,
):
    theirs = printed(THEIRS, without_tensorflow)
    losses, shape, of_training, of_inference = theirs
    network = keras_resattn.Attention56(input_shape=(64, 64, 3))
    flop = 2 * keras_resattn.complexity(network).multiply_adds
    assert (of_training, of_inference) == (3 * 2 * flop, 2 * flop)
    assert np.all(np.isfinite(losses))
    assert len(set(losses)) == 3
    assert shape == [2, 1000]
