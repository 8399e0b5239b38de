"""Compare time and memory of a training step: ours, plain Keras and PyTorch.

    python -m benchmarks training_step

It runs on a processor and measures two networks:

* Attention-56 at 224 x 224, batch 8, and pytorchcv's network in PyTorch,
* CIFAR's Attention-56, batch 128: ours, plain Keras, and Keras on PyTorch.

Each engine runs in a process of its own. In each round every engine is asked once, and
a ratio compares two times of the same round. Memory is the peak minus what the process
used before; memory of the maps is its growth from one image to a batch. Engines in
bfloat16 are skipped where the processor emulates it.
"""

import statistics
import time

from benchmarks.engines import ask
from benchmarks.engines import running
from benchmarks.table import Row
from keras_resattn.training.processor import computes_in

PYTORCH = ("PyTorch", "PyTorch channels_last")
REMAT, BFLOAT16 = "ours, remat", "ours, bfloat16"
PYTORCH_BFLOAT16 = "PyTorch bfloat16"
LARGE = ("ours", BFLOAT16, REMAT, "plain Keras", *PYTORCH, PYTORCH_BFLOAT16)
SMALL = ("ours", BFLOAT16, "plain Keras", "Keras on PyTorch")
# Seconds, because the threads of an engine may wait actively before they sleep.
PAUSE = 0.2


def rows(quick):
    """Measure all engines and return the rows of the goals."""
    rounds = 3 if quick else 7
    large = measure("imagenet_attention56", 8, LARGE, rounds)
    _, single = measure("imagenet_attention56", 1, ("ours", REMAT), rounds=1)
    small = measure("cifar10_attention56_short", 128, SMALL, rounds)
    print(table("Attention-56 at 224 x 224, batch 8", *large, batch=8))
    print(table("CIFAR's Attention-56, batch 128", *small, batch=128), flush=True)
    return goals(large, single, small)


def measure(recipe, batch, names, rounds):
    """Return the seconds of each engine's steps, and its memory in MiB."""
    if computes_in("bfloat16") is False:
        names = [name for name in names if "bfloat16" not in name]
    arguments = {name: (recipe, batch, name) for name in names}
    seconds = {name: [] for name in names}
    with running("training_engines", arguments) as engines:
        for _ in range(rounds):
            for name, engine in engines.items():
                seconds[name].append(ask(engine))
                time.sleep(PAUSE)
        memory = {name: float(e.communicate()[0]) for name, e in engines.items()}
    return seconds, memory


def table(title, seconds, memory, batch):
    """Return the measurements as a Markdown table."""
    lines = [
        f"{title}:",
        "",
        "| | step, ms: median (minimum) | images/s | memory, MiB |",
        "|---|---|---|---|",
    ]
    for name, values in seconds.items():
        speed = batch / statistics.median(values)
        cells = (name, _time(values), f"{speed:.1f}", f"{memory[name]:,.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def goals(large, single, small):
    """Return the rows of both networks; `single` is the memory with one image."""
    peer = best(large, PYTORCH)
    ours = best(small, [name for name in ("ours", BFLOAT16) if name in small[0]])

    def compared(what, measured, mine, other, target=""):
        seconds, _ = measured
        return Row(
            "training step",
            what,
            f"{mine}: {_time(seconds[mine])} ms",
            f"{other}: {_time(seconds[other])} ms",
            _ratio(seconds[mine], seconds[other]),
            target,
        )

    def sized(what, memory, mine, other, target=""):
        mine, other = ((name, memory[name]) for name in (mine, other))
        texts = (f"{name}: {size:,.0f} MiB" for name, size in (mine, other))
        return Row("training step", what, *texts, mine[1] / other[1], target)

    memory = large[1]
    maps = {name: memory[name] - size for name, size in single.items()}
    rows = [
        compared("224, float32, PyTorch at its best", large, "ours", peer, ">= 1.3"),
        compared("224, float32, plain Keras", large, "ours", "plain Keras"),
        sized("224, memory, PyTorch at its best", memory, "ours", peer, "<= 1"),
        sized("224, memory with remat, PyTorch at its best", memory, REMAT, peer),
        sized("224, maps of 7 more images", maps, REMAT, "ours", "<= 0.5"),
        # At most 1.35 x the time, as a ratio of speeds.
        compared("224, speed with remat", large, REMAT, "ours", f">= {1 / 1.35:.2f}"),
        compared("CIFAR, float32, plain Keras", small, "ours", "plain Keras"),
        compared("CIFAR, our best, plain Keras", small, ours, "plain Keras", ">= 2.5"),
        compared(
            "CIFAR, float32, in PyTorch", small, "ours", "Keras on PyTorch", ">= 1"
        ),
    ]
    if BFLOAT16 in large[0]:
        what, peer = "224, bfloat16, PyTorch in bfloat16", PYTORCH_BFLOAT16
        rows.append(compared(what, large, BFLOAT16, peer, ">= 1.3"))
        what = "224, bfloat16, memory, PyTorch in bfloat16"
        rows.append(sized(what, memory, BFLOAT16, peer, "<= 1"))
    return rows


def best(measured, names):
    """Return the name with the smallest median of seconds."""
    seconds, _ = measured
    return min(names, key=lambda name: statistics.median(seconds[name]))


def _ratio(ours, peer):
    """Return how many times faster ours is, the median over the rounds."""
    return statistics.median(b / a for a, b in zip(ours, peer, strict=True))


def _time(values):
    return f"{statistics.median(values) * 1e3:.0f} ({min(values) * 1e3:.0f})"
