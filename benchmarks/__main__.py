"""Run all parts of the benchmark and print one table with the goals that are met.

    python -m benchmarks
    python -m benchmarks --quick inference

A part that cannot run because packages are missing is skipped, with a message.
"""

import argparse
import importlib
import time

from benchmarks.table import is_met
from benchmarks.table import markdown

PARTS = ("inference", "training_step", "start_up")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds: faster, but less precise"
    )
    options = parser.parse_args()
    unknown = set(options.part) - set(PARTS)
    if unknown:
        parser.error(f"the parts are {', '.join(PARTS)}. Received: {sorted(unknown)}")
    rows = []
    for part in options.part or PARTS:
        rows += measure(part, options.quick)
    print(markdown(rows))
    with_goal = [row for row in rows if row.target]
    met = sum(is_met(row) for row in with_goal)
    print(f"\n{met} of {len(with_goal)} goals are met.")


def measure(part, quick):
    """Return the rows of a part, or an empty list if it cannot run here."""
    start = time.perf_counter()
    try:
        rows = importlib.import_module(f"benchmarks.{part}").rows(quick)
    except (ImportError, ChildProcessError) as error:
        print(f"{part}: skipped, {error}", flush=True)
        return []
    print(f"{part}: {time.perf_counter() - start:.0f} s", flush=True)
    return rows


if __name__ == "__main__":
    main()
