"""Run one engine of the comparison on a GPU in this process.

    python -m benchmarks.gpu.engines TASK ENGINE SIZE

Each line of standard input is JSON, such as {"batch": 256, "seconds": 2}: a batch size
(for `*-matrices` the height of the matrices) and about how long to repeat the call.
Each answer is JSON: the seconds of one call, its floating-point operations, the peak
memory in bytes, the device and the versions.

Training steps are sent to the device one after another, as in `fit`, and only the end
of the last one is awaited. In inference every answer is awaited, as in a server.
"""

import importlib
import json
import math
import sys
import time
from typing import NamedTuple

WARM_UP = 3  # calls to compile, choose kernels and record graphs
MIN_CALLS = 3


class Engine(NamedTuple):
    """How to make an engine: `maker(size, **options)` in `FRAMEWORK_engines`."""

    framework: str
    maker: str
    options: dict = {}


MATRICES = {
    "jax-matrices": Engine("jax", "matrices"),
    "pytorch-matrices": Engine("torch", "matrices"),
}
COMPILED = {"mode": "default"}
CUDA_GRAPHS = {"mode": "reduce-overhead"}
# In the order of the first round, the most important first: time may run out.
TASKS = {
    "training": {
        **MATRICES,
        "ours": Engine("jax", "training"),
        "pytorch-compiled": Engine("torch", "training", COMPILED),
        "pytorch": Engine("torch", "training"),
        "ours-remat": Engine("jax", "training", {"remat": True}),
        "pytorch-graphs": Engine("torch", "training", CUDA_GRAPHS),
    },
    "inference": {
        **MATRICES,
        "ours": Engine("jax", "inference"),
        "pytorch-compiled": Engine("torch", "inference", COMPILED),
        "ours-folded": Engine("jax", "inference", {"folded": True}),
        "pytorch-frozen": Engine("torch", "inference", {**CUDA_GRAPHS, "frozen": True}),
        "pytorch-graphs": Engine("torch", "inference", CUDA_GRAPHS),
        "pytorch": Engine("torch", "inference"),
    },
}


def main():
    task, name, size = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr  # compilers may also print
    print("ready", file=answers, flush=True)
    engine = TASKS[task][name]
    framework = importlib.import_module(f"benchmarks.gpu.{engine.framework}_engines")
    prepare = getattr(framework, engine.maker)(int(size), **engine.options)
    calls = {}
    for line in sys.stdin:
        question = json.loads(line)
        batch = question["batch"]
        if batch not in calls:
            calls[batch] = prepare(batch)
            for _ in range(WARM_UP):
                framework.wait(calls[batch][0]())
            framework.reset_peak()
        call, flop = calls[batch]
        found = {
            "seconds": seconds_of(
                call, framework.wait, question["seconds"], task == "inference"
            ),
            "flop": flop,
            "peak_bytes": framework.peak_bytes(),
            **framework.facts(),
        }
        print(json.dumps(found), file=answers, flush=True)


def seconds_of(call, wait, seconds, waits_for_each):
    """Return the seconds of one call, the mean of as many calls as fill `seconds`."""
    start = time.perf_counter()
    wait(call())
    once = time.perf_counter() - start
    count = max(MIN_CALLS, math.ceil(seconds / once))
    start = time.perf_counter()
    for _ in range(count):
        result = call()
        if waits_for_each:
            wait(result)
    wait(result)
    return (time.perf_counter() - start) / count


if __name__ == "__main__":
    main()
