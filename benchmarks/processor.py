"""Measure how bfloat16 and the memory allocator change training on a processor.

    python -m benchmarks.processor

Each variant runs in a process of its own, once in each round, and a ratio compares two
rates of the same round. TensorFlow's BFC allocator keeps freed memory. The C library
returns large blocks to the system, which has to clear them again in every step.
"""

import argparse
import statistics

from benchmarks.training import KINDS
from benchmarks.training import run

RECIPE = "demo"
BFLOAT16 = ["precision=mixed_bfloat16"]
BFC = {"TF_CPU_ALLOCATOR_USE_BFC": "1"}
VARIANTS = {
    "float32": ([], {}),
    "float32, BFC allocator": ([], BFC),
    "bfloat16": (BFLOAT16, {}),
    "bfloat16, BFC allocator": (BFLOAT16, BFC),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default=RECIPE)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    speeds = {name: [] for name in VARIANTS}
    for _ in range(options.rounds):
        for name, (settings, environment) in VARIANTS.items():
            settings = [*options.set, *settings]
            found = run(options.recipe, KINDS[1], options.steps, settings, environment)
            speeds[name].append(found["images/s"])
    first = speeds["float32"]
    print("| | images/s, median | ratio to float32, median | ratio in each round |")
    print("|---|---|---|---|")
    for name, values in speeds.items():
        ratios = [b / a for a, b in zip(first, values, strict=True)]
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(
            f"| {name} | {statistics.median(values):.0f} "
            f"| {statistics.median(ratios):.2f} | {each} |"
        )


if __name__ == "__main__":
    main()
