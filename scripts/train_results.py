"""Train the runs behind docs/results.md, one after another: `make results`.

The script resumes or begins each run, evaluates it on the test images, measures the
response of its modules, and writes `results.md` into the folder of the runs after each.
At the end it writes `comparison.html` about all of them. Stop it at any time with
Ctrl-C and start it again: it continues after the last whole epoch. A run that is begun
in `benchmarks/results/runs` is copied from there and continued.
"""

import argparse
import csv
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import yaml

from keras_resattn import paper
from keras_resattn.model_folder import ENVIRONMENT
from keras_resattn.model_folder import EVALUATION
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import RECIPE
from scripts.cifar10_from_npm import convert

BEGUN = Path(__file__).parents[1] / "benchmarks" / "results" / "runs"
DEPTHS = (56, 92, 128, 164)
RUNS = (
    "cifar10_attention56_100_epochs",
    *(f"cifar10_attention{depth}_12_epochs" for depth in DEPTHS),
    *(f"cifar10_attention{depth}_naive_12_epochs" for depth in DEPTHS),
    "cifar10_attention56_naive_100_epochs",
)
RESPONSE = "response"
HEADER = (
    "| network | attention | printed error % | our error % | epochs | seed "
    "| precision | hours | device | command |\n" + "|---" * 10 + "|\n"
)


def run_command(*arguments, stdout=None):
    """Run `keras-resattn`; on Ctrl-C let it save what it has, and stop."""
    command = [sys.executable, "-m", "keras_resattn_cli", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=stdout)
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        sys.exit("Stopped. Run the same command again to continue.")
    if status:
        sys.exit(f"`keras-resattn {' '.join(command[3:])}` ended with {status}.")


def take_begun(folder):
    """Copy a run of the same name that is begun in the repository, unless it is here.

    Args:
        folder: Path of the run, as it is named when it is finished.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    begun = BEGUN / partial.name
    if begun.is_dir() and not (folder.exists() or partial.exists()):
        print(f"Continuing a copy of {begun}.", flush=True)
        shutil.copytree(begun, partial)


def table(folders):
    """Return the Markdown table of the finished runs.

    Args:
        folders: Paths of model folders with an `evaluation.json`.
    """
    return HEADER + "".join(row(folder) for folder in folders)


def row(folder):
    recipe = yaml.safe_load((folder / RECIPE).read_text(encoding="utf-8"))
    network = recipe["network"]["name"]
    attention = recipe["network"]["attention"] or "residual"
    error = 100 * (1 - json.loads((folder / EVALUATION).read_text())["accuracy"])
    with (folder / METRICS).open(newline="") as file:
        hours = sum(float(epoch["seconds"]) for epoch in csv.DictReader(file)) / 3600
    environment = json.loads((folder / ENVIRONMENT).read_text())
    gpus = environment["GPUs"]
    cells = (
        network,
        attention,
        printed_error(network, attention),
        f"{error:.2f}",
        recipe["train"]["epochs"],
        recipe["seed"],
        recipe["precision"],
        f"{hours:.1f}",
        environment["processor"] if gpus == "none" else gpus,
        f"`keras-resattn train {folder.name} --out runs/{folder.name}`",
    )
    return f"| {' | '.join(map(str, cells))} |\n"


def printed_error(network, attention):
    """Return the error that the paper prints after its own training, as text."""
    errors = {
        (row.network, row.arguments.get("attention", "residual")): row.errors[0]
        for row in paper.TABLES["attention"].rows
    }
    return f"{errors[network, attention]:.2f}"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), help="folder of the runs"
    )
    parser.add_argument(
        "--data-dir", help="folder of tensorflow-datasets (default: its own default)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a setting of every recipe, as in precision=float32; repeatable",
    )
    parser.add_argument(
        "--runs", nargs="+", default=RUNS, help="recipes to train (default: all)"
    )
    options = parser.parse_args(arguments)
    convert(None, options.data_dir)
    changes = [f"--set={change}" for change in options.set]
    if options.data_dir:
        changes.append(f"--data-dir={options.data_dir}")
    finished = []
    for name in options.runs:
        folder = options.out / name
        take_begun(folder)
        run_command("train", name, "--resume", folder, *changes)
        if not (folder / EVALUATION).is_file():
            run_command("evaluate", folder)
        if not (folder / RESPONSE / "response.png").is_file():
            run_command("response", folder, "--out", folder / RESPONSE)
        finished.append(folder)
        (options.out / "results.md").write_text(table(finished), encoding="utf-8")
    if len(finished) > 1:  # so many columns fit a page, but not a terminal
        page = options.out / "comparison.html"
        run_command("compare", *finished, "--html", page, stdout=subprocess.DEVNULL)
    print(table(finished), end="")


if __name__ == "__main__":
    main()
