"""Compare inference at 224 x 224: exports of Attention-56, PyTorch and a ResNet-152.

    python -m benchmarks inference

Each engine runs in a process of its own. In each round every engine is asked once, and
a ratio compares two times of the same round. The convolution peak is measured before
and after. Engines in bfloat16 are skipped where the processor emulates it.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.engines import ask
from benchmarks.engines import running
from benchmarks.inference_engines import ENGINES
from benchmarks.inference_engines import FACTS
from benchmarks.table import Row
from keras_resattn.training.processor import computes_in

BATCHES = (1, 8)
FLOAT32 = ("optimized", "ONNX Runtime", "OpenVINO", "LiteRT")
BFLOAT16 = ("bfloat16", "OpenVINO bfloat16")
INT8 = ("ONNX Runtime int8", "OpenVINO int8")
PYTORCH = ("PyTorch", "PyTorch channels_last", "PyTorch compiled")
PYTORCH_BFLOAT16 = ("PyTorch bfloat16", "PyTorch compiled bfloat16")
PEAK_TARGETS = {1: ">= 0.6", 8: ">= 0.8"}
# Seconds, because the threads of an engine may wait actively before they sleep.
PAUSE = 0.1


def rows(quick):
    """Measure all engines and return the rows of the goals."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "models"
        _run("inference_models", str(root))
        facts = json.loads((root / FACTS).read_text())
        dtypes = precisions()
        names = [name for name in ENGINES if _dtype(name) in (*dtypes, "int8")]
        before = json.loads(_run("convolution_peak", *dtypes))
        seconds = measure(root, names, rounds=3 if quick else 7)
        after = json.loads(_run("convolution_peak", *dtypes))
    peaks = {dtype: max(before[dtype], after[dtype]) for dtype in before}
    gflop = 2 * facts["multiply_adds"] / 1e9
    print(engines_table(seconds, peaks, gflop), flush=True)
    return [row for batch in BATCHES for row in goals(seconds, batch, peaks, gflop)]


def precisions():
    """Return the dtypes that this processor computes without emulation."""
    emulated = computes_in("bfloat16") is False
    return ("float32",) if emulated else ("float32", "bfloat16")


def measure(root, names, rounds):
    """Return the seconds per image of each engine in each round, by batch size."""
    seconds = {batch: {name: [] for name in names} for batch in BATCHES}
    with running(
        "inference_engines", {name: (root, name) for name in names}
    ) as engines:
        for batch in BATCHES:
            for _ in range(rounds):
                for name, engine in engines.items():
                    seconds[batch][name].append(ask(engine, batch) / batch)
                    time.sleep(PAUSE)
    return seconds


# === Tables ===


def engines_table(seconds, peaks, gflop):
    """Return a Markdown table of medians, minima and shares of the peak."""
    peak = ", ".join(f"{dtype} {value:.0f} GFLOP/s" for dtype, value in peaks.items())
    lines = [
        f"Convolution peak: {peak}. Milliseconds per image, median (minimum):",
        "",
        "| engine | batch 1 | share of the peak | batch 8 | share of the peak |",
        "|---|---|---|---|---|",
    ]
    for name in seconds[BATCHES[0]]:
        cells = [name]
        for batch in BATCHES:
            values = seconds[batch][name]
            peak = peaks.get(_dtype(name))  # not measured for int8
            share = f"{gflop / min(values) / peak:.0%}" if peak else ""
            # ResNet-152 has other multiply-adds than `gflop`.
            cells += [_time(values), "" if name == "ResNet-152" else share]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def goals(seconds, batch, peaks, gflop):
    """Return the rows of one batch size."""
    times = seconds[batch]
    ours, peer, larger = best(times, FLOAT32), best(times, PYTORCH), "ResNet-152"

    def compared(what, mine, other, target=""):
        return Row(
            "inference",
            f"batch {batch}, {what}",
            f"{mine}: {_time(times[mine])} ms",
            f"{other}: {_time(times[other])} ms",
            ratio(times[mine], times[other]),
            target,
        )

    share = gflop / min(times[ours]) / peaks["float32"]
    rows = [
        compared("float32, PyTorch at its best", ours, peer, ">= 1.3"),
        compared("float32, ResNet-152", ours, larger, ">= 1.8"),
        Row(
            "inference",
            f"batch {batch}, float32, share of the convolution peak",
            f"{ours}: {gflop / min(times[ours]):.0f} GFLOP/s",
            f"{peaks['float32']:.0f} GFLOP/s",
            share,
            PEAK_TARGETS[batch],
        ),
        compared("SavedModel, float32, PyTorch at its best", "optimized", peer),
        compared("SavedModel, optimized or not", "optimized", "plain"),
        compared("int8, our float32", best(times, INT8), ours, ">= 2.5"),
        compared("int8, PyTorch at its best", best(times, INT8), peer, ">= 3"),
    ]
    if not set(BFLOAT16) <= set(times):
        return rows
    half, half_peer = best(times, BFLOAT16), best(times, PYTORCH_BFLOAT16)
    return [
        *rows,
        compared("bfloat16, our float32", half, ours, ">= 2"),
        compared("SavedModel, bfloat16 or float32", "bfloat16", "optimized"),
        compared("bfloat16, PyTorch bfloat16 at its best", half, half_peer),
        compared(
            "int8, PyTorch bfloat16 at its best", best(times, INT8), half_peer, ">= 1.4"
        ),
    ]


def best(times, names):
    """Return the name with the smallest median."""
    return min(names, key=lambda name: statistics.median(times[name]))


def ratio(ours, peer):
    """Return how many times faster ours is, the median over the rounds."""
    return statistics.median(b / a for a, b in zip(ours, peer, strict=True))


def _time(values):
    return f"{statistics.median(values) * 1e3:.1f} ({min(values) * 1e3:.1f})"


def _dtype(name):
    return next((d for d in ("bfloat16", "int8") if d in name), "float32")


def _run(module, *arguments):
    """Run a module of `benchmarks` and return the last line that it printed."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ChildProcessError(
            f"{module} failed: {done.stderr.strip().splitlines()[-1]}"
        )
    return done.stdout.splitlines()[-1] if done.stdout else ""
