"""Measure the time of imports, of building a network and of the command's help.

    python -m benchmarks.start_up

Each measurement runs in a process of its own, once in each round.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from benchmarks.table import Row

TIMED = """
import time
{before}
start = time.perf_counter()
{timed}
print(time.perf_counter() - start)
"""
KINDS = {
    "import keras": TIMED.format(before="", timed="import keras"),
    "import keras_resattn, after keras": TIMED.format(
        before="import keras", timed="import keras_resattn"
    ),
    "build Attention-92": TIMED.format(
        before="import keras_resattn", timed="keras_resattn.Attention92()"
    ),
    "build Keras ResNet-152": TIMED.format(
        before="import keras", timed="keras.applications.ResNet152(weights=None)"
    ),
}
HELP = "keras-resattn --help"
# The largest number of seconds that meets the goal.
TARGETS = {
    "import keras_resattn, after keras": 0.05,
    "build Attention-92": 2,
    HELP: 1,
}


def seconds_of(kind):
    """Return the seconds of one kind, measured in a process of its own."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if kind != HELP:
        command = [sys.executable, "-c", KINDS[kind]]
        output = subprocess.check_output(
            command, env=environment, stderr=subprocess.DEVNULL, text=True
        )
        return float(output.split()[-1])
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "keras_resattn_cli", "--help"],
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - start


def measure(rounds):
    """Return the seconds of each kind: a list with a value for each round."""
    seconds = {kind: [] for kind in (*KINDS, HELP)}
    for _ in range(rounds):
        for kind, values in seconds.items():
            values.append(seconds_of(kind))
    return seconds


def rows(quick):
    """Return the rows of the goals. A ratio is the measured seconds to the goal's."""
    seconds = measure(3 if quick else 5)
    return [
        Row(
            "start-up",
            kind,
            f"{statistics.median(values):.3f} ({min(values):.3f}) s",
            f"{TARGETS[kind]} s",
            statistics.median(values) / TARGETS[kind],
            "<= 1",
        )
        for kind, values in seconds.items()
        if kind in TARGETS
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("| | median, s | minimum, s |")
    print("|---|---|---|")
    for kind, values in measure(options.rounds).items():
        print(f"| {kind} | {statistics.median(values):.3f} | {min(values):.3f} |")


if __name__ == "__main__":
    main()
