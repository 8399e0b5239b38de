"""Make tables of the records of the comparison on a GPU.

`benchmarks.gpu.compare` writes a record as JSON. Its answers are dictionaries with
`engine`, `round`, `batch`, `seconds` and `flop` of one call, and `peak_bytes`.
"""

import math
import re
import statistics
from typing import NamedTuple

from benchmarks import table
from benchmarks.table import Row

GOAL = {"size": 224, "batch": 256}
NOTHING = "Nothing was measured."
HEAD = (
    "engine",
    "batch",
    "images/s",
    "ms: median (minimum)",
    "TFLOP/s",
    "share of the peak",
    "memory, GiB",
    "rounds",
)


class Measured(NamedTuple):
    """The measurements of an engine at a batch size.

    Attributes:
        engine: String, the name of the engine.
        batch: Integer, the images per call, or the height of the matrices.
        seconds: Dictionary from the number of a round to the seconds per call.
        flop: Integer, the floating-point operations per call.
        memory: Float, the smallest peak of all rounds in GiB. In later rounds a
            process may report the peak of a larger batch size or of compilation.
    """

    engine: str
    batch: int
    seconds: dict
    flop: int
    memory: float

    @property
    def is_network(self):
        return not self.engine.endswith("-matrices")

    @property
    def median(self):
        return statistics.median(self.seconds.values())

    @property
    def flops(self):
        return self.flop / self.median

    @property
    def images_per_second(self):
        return self.batch / self.median


def measured(record):
    """Return a `Measured` for each engine and batch size, in the order of answers."""
    groups = {}
    for answer in record["answers"]:
        groups.setdefault((answer["engine"], answer["batch"]), []).append(answer)
    return [
        Measured(
            *key,
            {answer["round"]: answer["seconds"] for answer in answers},
            answers[0]["flop"],
            min(answer["peak_bytes"] for answer in answers) / 2**30,
        )
        for key, answers in groups.items()
    ]


def peak(found):
    """Return the highest operations per second of a matrix product, or NaN."""
    matrices = [m for m in found if not m.is_network]
    return max((m.flop / min(m.seconds.values()) for m in matrices), default=math.nan)


def fastest(found, prefix, batch):
    """Return the fastest network whose name begins with a prefix, or `None`."""
    engines = [m for m in found if m.is_network and m.engine.startswith(prefix)]
    at_batch = [m for m in engines if m.batch == batch]
    return min(at_batch, key=lambda m: m.median, default=None)


def ratio(ours, peer):
    """Return how many times faster ours is, the median over rounds of both."""
    both = ours.seconds.keys() & peer.seconds.keys()
    if not both:
        return None
    return statistics.median(peer.seconds[i] / ours.seconds[i] for i in both)


# === Goals ===


def rows(record):
    """Return a row for each comparison; only runs on a GPU at full size have goals."""
    task, found = record["task"], measured(record)
    batches = sorted({m.batch for m in found if m.is_network})
    compared = [row for batch in batches for row in speed_rows(task, found, batch)]
    if task == "training":
        compared += memory_rows(found, record["batch"])
    return compared if has_goals(record) else [r._replace(target="") for r in compared]


def has_goals(record):
    is_full = all(record[key] == value for key, value in GOAL.items())
    return is_full and len(devices(record)) == 1 and devices(record) != ["cpu"]


def devices(record):
    return sorted(set(record["devices"].values()))


def speed_rows(task, found, batch):
    """Compare ours with PyTorch's best and with matrix products."""
    ours, peer = (fastest(found, name, batch) for name in ("ours", "pytorch"))
    top, compared = peak(found), []
    if ours and peer:
        speeds = [
            f"{m.engine}: {m.images_per_second:,.1f} images/s" for m in (ours, peer)
        ]
        what = f"batch {batch}, PyTorch at its best"
        compared.append(Row(task, what, *speeds, ratio(ours, peer), ">= 1.2"))
    if ours and not math.isnan(top):
        what = f"batch {batch}, share of the matrix peak"
        mine, most = f"{teraflops(ours.flops)} TFLOP/s", f"{teraflops(top)} TFLOP/s"
        share = ours.flops / top
        compared.append(Row(task, what, f"{ours.engine}: {mine}", most, share, ""))
    return compared


def memory_rows(found, batch):
    """Compare memory with PyTorch's fastest; compare memory and time with `remat`."""
    engines = {m.engine: m for m in found}
    ours, remat = engines.get("ours"), engines.get("ours-remat")
    peer = fastest(found, "pytorch", batch)

    def memory(what, mine, other, target):
        sizes = [f"{m.engine}: {m.memory:.2f} GiB" for m in (mine, other)]
        return Row("training", what, *sizes, mine.memory / other.memory, target)

    compared = []
    if ours and peer:
        compared.append(memory("memory, PyTorch at its fastest", ours, peer, "<= 1"))
    if ours and remat:
        times = [f"{m.engine}: {m.median * 1e3:.1f} ms" for m in (remat, ours)]
        time = Row("training", "remat, time", *times, ratio(ours, remat), "<= 1.35")
        compared += [memory("remat, memory", remat, ours, ""), time]
    return compared


# === Markdown ===


def markdown(record):
    """Return a section for a record: command, device, engines, goals, errors."""
    found, compared = measured(record), rows(record)
    versions = ", ".join(f"{name} {v}" for name, v in record["versions"].items())
    parts = [
        f"# {record['task'].capitalize()} at {record['size']} x {record['size']}",
        f"```\n{record['command']}\n```",
        f"{' and '.join(devices(record))}; {versions}." if found else NOTHING,
        engines_table(found) if found else "",
        table.markdown(compared) if compared else "",
        "\n".join(f"* {name}: {reason(e)}" for name, e in record["errors"].items()),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def engines_table(found):
    """Return a table with a line for each engine and batch size."""
    top = peak(found)
    lines = [HEAD, ["---"] * len(HEAD), *(cells(m, top) for m in found)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(m, top):
    return [
        m.engine,
        f"{m.batch}",
        f"{m.images_per_second:,.1f}" if m.is_network else "",
        f"{m.median * 1e3:.2f} ({min(m.seconds.values()) * 1e3:.2f})",
        teraflops(m.flops),
        "" if math.isnan(top) else f"{m.flops / top:.0%}",
        f"{m.memory:.2f}",
        f"{len(m.seconds)}",
    ]


def teraflops(flops):
    return f"{flops / 1e12:{',.0f' if flops >= 1e14 else '.3g'}}"


def reason(error):
    """Return the line of an engine's error output that names the error, or the last."""
    lines = error.splitlines() or [""]
    named = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return [*lines, *named][-1]
