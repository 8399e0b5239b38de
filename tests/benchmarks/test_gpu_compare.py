import argparse
import contextlib
import json
import sys
import threading
import time

import pytest

from benchmarks.gpu import compare
from benchmarks.gpu.engines import TASKS

ENGINES = ["jax-matrices", "ours", "pytorch"]


class Engines:
    """Replace the processes and record which were started, asked and ended."""

    def __init__(self):
        self.log = []
        self.answers = {}
        self.killed = threading.Event()

    @contextlib.contextmanager
    def running(self, module, arguments):
        assert module == "gpu.engines"
        (name,) = arguments
        self.log.append(f"start {name}")
        process = argparse.Namespace(name=name, kill=self.killed.set)
        yield {name: process}
        self.log.append(f"end {name}")

    def ask(self, process, question, read):
        batch = json.loads(question)["batch"]
        self.log.append(f"ask {process.name} {batch}")
        answer = self.answers.get(process.name, lambda: None)()
        if answer:
            raise answer
        found = {"seconds": 0.5, "flop": 1e9, "peak_bytes": 2**30}
        return {**found, "device": "cpu", "versions": {process.name: "1"}}


@pytest.fixture
def engines(monkeypatch):
    engines = Engines()
    monkeypatch.setattr(compare, "running", engines.running)
    monkeypatch.setattr(compare, "ask", engines.ask)
    monkeypatch.setattr(compare, "memory_in_use", lambda: 0)
    monkeypatch.setattr(compare, "memory_in_all", lambda: 0)
    return engines


@pytest.fixture
def options():
    return argparse.Namespace(
        engines=ENGINES, batch=256, size=224, rounds=2, seconds=1, matrix=8192
    )


def later(seconds=3600):
    return time.monotonic() + seconds


def test_each_round_begins_with_the_next_engine():
    rounds = [compare.order(["a", "b", "c"], number) for number in range(4)]
    assert ["".join(names) for names in rounds] == ["abc", "bca", "cab", "abc"]


def test_batch_sizes_ascend_up_to_the_given_one(options):
    assert compare.batches("training", "ours", options) == [256]
    assert compare.batches("inference", "ours", options) == [1, 32, 256]
    assert compare.batches("inference", "jax-matrices", options) == [8192]
    options.batch = 2
    assert compare.batches("inference", "ours", options) == [1, 2]


@pytest.mark.parametrize(
    ("in_use", "total", "largest", "room"),
    [(30, 80, 30, True), (60, 80, 30, False), (45, 80, 30, False), (0, 0, 0, False)],
)
def test_an_engine_stays_if_another_as_large_has_room(in_use, total, largest, room):
    assert compare.has_room(in_use, total, largest) is room


def test_without_room_engines_start_again_in_each_round(engines, options):
    *_, record = compare.measure("training", options, later())
    asked = [line for line in engines.log if line.startswith("ask")]
    names = [line.split()[1] for line in asked]
    assert names == [*ENGINES, *ENGINES[1:], ENGINES[0]]
    assert engines.log[:4] == [
        "start jax-matrices",
        "ask jax-matrices 8192",
        "end jax-matrices",
        "start ours",
    ]
    assert len(record["answers"]) == 6


def test_with_room_all_stay_until_the_end(engines, options, monkeypatch):
    monkeypatch.setattr(compare, "memory_in_use", lambda: 10)
    monkeypatch.setattr(compare, "memory_in_all", lambda: 80)
    list(compare.measure("training", options, later()))
    assert [line.split()[0] for line in engines.log] == [
        *["start", "ask"] * 3,
        *["ask"] * 3,
        *["end"] * 3,
    ]


def test_an_engine_that_fails_is_not_asked_again_but_the_others_are(engines, options):
    engines.answers["ours"] = lambda: ChildProcessError("it ended:\nno memory")
    *_, record = compare.measure("training", options, later())
    assert record["errors"] == {"ours": "it ended:\nno memory"}
    assert engines.log.count("ask ours 256") == 1
    assert engines.log.count("ask pytorch 256") == 2
    assert {answer["engine"] for answer in record["answers"]} == {
        "jax-matrices",
        "pytorch",
    }


def test_at_the_time_limit_the_engine_ends_and_no_other_starts(engines, options):
    def hang():
        assert engines.killed.wait(60)
        return ChildProcessError("it ended")

    engines.answers["ours"] = hang
    *_, record = compare.measure("training", options, later(0.2))
    assert record["errors"] == {"ours": "The time limit (--minutes) was reached."}
    assert len(record["answers"]) == 1
    assert "start pytorch" not in engines.log


def test_an_interrupted_run_keeps_each_answer(engines, options, tmp_path):
    records = compare.measure("inference", options, later())
    for count in range(3):
        compare.write(tmp_path, next(records))
        written = json.loads((tmp_path / "inference.json").read_text())
        assert len(written["answers"]) == count
    assert "| ours | 1 |" in (tmp_path / "comparison.md").read_text()
    records.close()
    assert engines.log[-1] == "end ours"


def test_the_tables_include_the_tasks_of_earlier_runs(engines, options, tmp_path):
    for task in ("inference", "training"):
        for record in compare.measure(task, options, later()):
            compare.write(tmp_path, record)
    text = (tmp_path / "comparison.md").read_text()
    assert text.index("# Training at 224 x 224") < text.index("# Inference at 224")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"training.json", "inference.json", "comparison.md"}


def arguments(monkeypatch, *given):
    monkeypatch.setattr(sys, "argv", ["compare", "out", *given])
    return compare.arguments()


def test_missing_packages_are_named_before_anything_runs(monkeypatch, capsys):
    present = {"torch", "jax", "keras", "namex", "optree"}
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: name if name in present else None
    )
    with pytest.raises(SystemExit):
        arguments(monkeypatch)
    assert "the engines need pytorchcv. Install them as" in capsys.readouterr().err
    options = arguments(monkeypatch, "--engines", "ours", "ours-remat")
    assert options.tasks == list(TASKS)
    options = arguments(monkeypatch, "--engines", "ours-remat")
    assert options.tasks == ["training"]  # inference of another run stays


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--size", "100"], "must be a multiple of 32. Received: 100"),
        (["--size", "0"], "must be 1 or more. Received: 0"),
        (["--rounds", "0"], "must be 1 or more. Received: 0"),
        (["--engines", "ours-remat", "--tasks", "inference"], "no chosen task has"),
    ],
)
def test_wrong_arguments_are_refused(given, message, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        arguments(monkeypatch, *given)
    assert message in capsys.readouterr().err
