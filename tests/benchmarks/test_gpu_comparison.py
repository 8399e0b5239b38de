import pytest

from benchmarks.gpu import comparison
from benchmarks.table import is_met

GIB = 2**30


def answer(engine, batch, seconds, flop=1e12, memory=1.0, number=0):
    return {
        "engine": engine,
        "round": number,
        "batch": batch,
        "seconds": seconds,
        "flop": flop,
        "peak_bytes": memory * GIB,
    }


@pytest.fixture
def training():
    """Return a run in which ours is 1.5 times as fast as the best of PyTorch."""
    answers = [
        answer("jax-matrices", 8192, 2e-3),
        answer("pytorch-matrices", 8192, 1e-3),
        answer("ours", 256, 0.2, flop=5e13, memory=30),
        answer("pytorch-compiled", 256, 0.3, memory=40),
        answer("pytorch", 256, 0.5, memory=20),
        answer("ours-remat", 256, 0.25, memory=15),
    ]
    devices = dict.fromkeys([a["engine"] for a in answers], "a GPU")
    return {
        "task": "training",
        "command": "python -m benchmarks.gpu.compare out",
        "size": 224,
        "batch": 256,
        "devices": devices,
        "versions": {"JAX": "1", "PyTorch": "2"},
        "answers": answers,
        "errors": {},
    }


def verdicts(record):
    rows = comparison.rows(record)
    return {row.what: (round(row.ratio, 3), is_met(row)) for row in rows}


def test_each_goal_of_training_has_its_row_and_verdict(training):
    assert verdicts(training) == {
        "batch 256, PyTorch at its best": (1.5, True),
        "batch 256, share of the matrix peak": (0.25, None),  # 250 of 1000 TFLOP/s
        "memory, PyTorch at its fastest": (0.75, True),
        "remat, memory": (0.5, None),
        "remat, time": (1.25, True),
    }


def test_inference_is_compared_at_each_batch_size_with_the_best_of_both(training):
    times = {1: (4, 2, 3), 32: (5, 8, 6), 256: (20, 30, 22)}
    answers = [
        answer(engine, batch, seconds)
        for batch, of_batch in times.items()
        for engine, seconds in zip(
            ("ours", "ours-folded", "pytorch-frozen"), of_batch, strict=True
        )
    ]
    record = {**training, "task": "inference", "answers": answers}
    assert verdicts(record) == {
        "batch 1, PyTorch at its best": (1.5, True),
        "batch 32, PyTorch at its best": (1.2, True),
        "batch 256, PyTorch at its best": (1.1, False),
    }
    assert comparison.rows(record)[0].ours == "ours-folded: 0.5 images/s"


def test_a_ratio_is_the_median_of_the_rounds_that_both_answered(training):
    training["answers"] = [
        *(answer("ours", 256, 1.0, number=i) for i in range(4)),
        *(answer("pytorch", 256, s, number=i) for i, s in enumerate((2.0, 9.0, 3.0))),
    ]
    assert verdicts(training)["batch 256, PyTorch at its best"] == (3.0, True)
    training["answers"] = [
        answer("ours", 256, 1.0, number=0),
        answer("pytorch", 256, 1.0, number=1),
    ]
    assert comparison.rows(training)[0].ratio is None


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 2},
        {"size": 64},
        {"devices": {"ours": "cpu", "pytorch": "cpu"}},
        {"devices": {"ours": "cpu", "pytorch": "a GPU"}},
    ],
)
def test_other_sizes_and_other_devices_than_one_gpu_have_no_goals(training, change):
    assert all(verdict is None for _, verdict in verdicts(training | change).values())


def test_the_peak_is_the_fastest_product_of_all_rounds(training):
    training["answers"].append(answer("jax-matrices", 8192, 5e-4, number=1))
    assert comparison.peak(comparison.measured(training)) == 2e15


def test_memory_is_the_minimum_of_the_rounds():
    answers = [answer("ours", 1, 1.0, memory=m, number=i) for i, m in enumerate((2, 9))]
    (found,) = comparison.measured({"answers": answers})
    assert found.memory == 2


def test_the_section_names_device_versions_command_and_speed(training):
    text = comparison.markdown(training)
    assert "a GPU; JAX 1, PyTorch 2." in text
    assert "python -m benchmarks.gpu.compare out" in text
    assert "| ours | 256 | 1,280.0 | 200.00 (200.00) | 250 | 25% | 30.00 | 1 |" in text
    assert "| pytorch-matrices | 8192 |  | 1.00 (1.00) | 1,000 | 100% |" in text


def test_the_section_shows_a_part_of_a_run_and_its_errors(training):
    training["answers"] = training["answers"][2:3]
    training["errors"] = {"pytorch": "it ended:\nTraceback\nRuntimeError: no\n  there"}
    text = comparison.markdown(training)
    assert "| ours | 256 | 1,280.0 | 200.00 (200.00) | 250 |  | 30.00 | 1 |" in text
    assert text.endswith("* pytorch: RuntimeError: no\n")
    assert "| goal |" not in text


def test_the_section_states_that_nothing_was_measured(training):
    training |= {"answers": [], "devices": {}, "versions": {}}
    assert "Nothing was measured." in comparison.markdown(training)
