import numpy as np
import pytest

from benchmarks import training_engines
from benchmarks import training_step
from benchmarks.table import is_met


def test_each_goal_has_its_row_and_verdict():
    seconds = {"ours": [1.0, 1.0], "ours, bfloat16": [0.5, 0.5]}
    peers = {"plain Keras": [1.25, 1.25], "PyTorch": [2.0, 2.0]}
    remat = {"ours, remat": [1.25, 1.25]}
    pytorch = {"PyTorch channels_last": [1.1, 1.1], "PyTorch bfloat16": [0.7, 0.7]}
    large = {**seconds, **remat, **peers, **pytorch}
    small = {**seconds, **peers, "Keras on PyTorch": [0.9, 0.9]}
    memory = {**dict.fromkeys(large, 100.0), "ours": 50.0, "ours, remat": 32.0}
    single = {"ours": 20.0, "ours, remat": 20.0}
    rows = training_step.goals((large, memory), single, (small, memory))
    verdicts = [(round(r.ratio, 2), is_met(r)) for r in rows if r.target]
    assert verdicts == [
        (1.1, False),
        (0.5, True),
        (0.4, True),
        (0.8, True),
        (2.5, True),
        (0.9, False),
        (1.4, True),
        (1.0, True),
    ]
    assert "PyTorch channels_last: 1100 (1100) ms" == rows[0].peer
    for times in (large, small):
        del times["ours, bfloat16"]
    del large["PyTorch bfloat16"]
    rows = training_step.goals((large, memory), single, (small, memory))
    assert "bfloat16" not in str(rows)
    (best,) = (row for row in rows if row.what == "CIFAR, our best, plain Keras")
    assert best.ratio == 1.25


def test_the_table_has_a_line_per_engine():
    table = training_step.table("t", {"ours": [0.5, 1.5]}, {"ours": 1234.0}, batch=8)
    assert "| ours | 1000 (500) | 8.0 | 1,234 |" in table


@pytest.mark.parametrize("engine", ["ours", "plain Keras"])
def test_a_step_trains(engine, small_recipe, monkeypatch):
    monkeypatch.setattr(
        "keras_resattn.recipes.files.load_recipe", lambda *arguments: small_recipe
    )
    step = training_engines.ENGINES[engine]()(small_recipe, 10)
    losses = [np.ravel(step())[0] for _ in range(4)]
    assert np.all(np.isfinite(losses))
    assert len(set(losses)) == 4


def test_memory_is_that_of_the_process():
    resident, peak = map(training_engines.memory, ("VmRSS", "VmHWM"))
    assert 10 < resident <= peak
