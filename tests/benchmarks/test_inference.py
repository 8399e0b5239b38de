import json
import subprocess
import sys

import pytest

from benchmarks import inference
from benchmarks.engines import ask
from benchmarks.inference_engines import ENGINES
from benchmarks.table import is_met


@pytest.fixture
def seconds():
    """Return times: the optimized export is twice as fast as others in float32."""
    of_batch = {name: [0.06, 0.05, 0.07] for name in ENGINES}
    of_batch["optimized"] = [0.03, 0.025, 0.035]
    of_batch["bfloat16"] = [0.02, 0.025, 0.015]
    of_batch["OpenVINO int8"] = [0.01, 0.01, 0.01]
    of_batch["ResNet-152"] = [0.12, 0.1, 0.14]
    return {1: of_batch, 8: of_batch}


PEAKS = {"float32": 500.0, "bfloat16": 1000.0}


def test_a_ratio_is_the_median_of_those_of_the_rounds():
    assert inference.ratio([1.0, 2.0, 4.0], [2.0, 6.0, 6.0]) == 2.0


def test_the_best_engine_is_that_with_the_smallest_median(seconds):
    assert inference.best(seconds[1], inference.FLOAT32) == "optimized"
    seconds[1]["LiteRT"] = [0.02, 0.02, 0.9]
    assert inference.best(seconds[1], inference.FLOAT32) == "LiteRT"


def test_each_goal_has_its_row_and_verdict(seconds):
    rows = [row for row in inference.goals(seconds, 8, PEAKS, 10.0) if row.target]
    assert [(round(row.ratio, 2), is_met(row)) for row in rows] == [
        (2.0, True),
        (4.0, True),
        (0.8, True),  # 10 GFLOP in 25 ms, of 500 GFLOP/s
        (3.0, True),
        (6.0, True),
        (1.5, False),
        (6.0, True),
    ]
    assert rows[0].ours == "optimized: 30.0 (25.0) ms"


def test_without_bfloat16_nothing_is_compared_with_it(seconds):
    kept = [name for name in ENGINES if "bfloat16" not in name]
    seconds = {n: {name: of[name] for name in kept} for n, of in seconds.items()}
    peaks = {"float32": PEAKS["float32"]}
    rows = inference.goals(seconds, 8, peaks, 10.0)
    assert [round(row.ratio, 2) for row in rows if row.target] == [2.0, 4.0, 0.8, 3, 6]
    assert "bfloat16" not in str(rows) + inference.engines_table(seconds, peaks, 10.0)


@pytest.mark.parametrize("computes", [True, False, None])
def test_bfloat16_is_measured_unless_it_is_emulated(computes, monkeypatch):
    monkeypatch.setattr(inference, "computes_in", lambda dtype: computes)
    assert ("bfloat16" in inference.precisions()) == (computes is not False)


def test_the_table_has_a_line_per_engine_with_its_share_of_the_peak(seconds):
    table = inference.engines_table(seconds, PEAKS, 10.0)
    lines = {line.split(" | ")[0]: line for line in table.splitlines()}
    assert {f"| {name}" for name in ENGINES} <= set(lines)
    assert lines["| optimized"].count("30.0 (25.0) | 80%") == 2
    assert lines["| bfloat16"].count("| 67%") == 2
    assert lines["| ResNet-152"].count("%") == 0


def test_an_engine_answers_batch_sizes_with_seconds():
    code = (
        "import sys; from benchmarks import inference_engines as engines;"
        "engines.ENGINES['none'] = lambda root: lambda pixels: pixels.sum();"
        "sys.argv[1:] = ['.', 'none']; engines.main()"
    )
    engine = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with engine:
        assert engine.stdout.readline() == "ready\n"
        assert 0 < ask(engine, 1) < 5
        assert 0 < ask(engine, 2) < 5
        engine.stdin.close()
    assert engine.returncode == 0


def test_the_error_of_a_failed_part_has_its_reason(tmp_path, monkeypatch):
    (tmp_path / "benchmarks").mkdir()
    code = "raise ImportError('no such runtime')"
    (tmp_path / "benchmarks" / "broken.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ChildProcessError, match="broken failed: .*no such runtime"):
        inference._run("broken")


@pytest.mark.needs_torch
def test_the_peak_is_a_speed_of_a_convolution(monkeypatch):
    from benchmarks import convolution_peak

    speed = convolution_peak.gflops(8, 6, convolution_peak.torch.float32, repeats=2)
    assert speed > 0
    monkeypatch.setattr(convolution_peak, "CHANNELS_AND_HEIGHTS", ((8, 6), (8, 7)))
    monkeypatch.setattr(convolution_peak, "REPEATS", 2)
    assert json.dumps(convolution_peak.peak("bfloat16"))
