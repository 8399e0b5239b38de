"""Compare Attention-56 on one GPU in bfloat16: ours on JAX, pytorchcv in PyTorch.

    python -m benchmarks.gpu.compare OUT
    python -m benchmarks.gpu.compare OUT --tasks training --rounds 2 --minutes 9
    python -m benchmarks.gpu.compare OUT --size 64 --batch 2 --rounds 1 \
        --seconds 0.1 --matrix 256      # a try without a GPU

It measures training steps at one batch size and inference at three: images/s, memory,
and the share of the speed of matrix products, which are measured in the same rounds.
TensorFlow is not needed.

Each engine runs in a process of its own. In each round every engine is asked once, and
a ratio compares two times of the same round. A process keeps running while the GPU has
memory for another one of the same size. Otherwise it ends after its answer and starts
again in the next round.

OUT/TASK.json, and OUT/comparison.md with the tables of all tasks in OUT, are written
after each answer. An interrupted run keeps what it has measured.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.engines import ask
from benchmarks.engines import running
from benchmarks.gpu.comparison import markdown
from benchmarks.gpu.engines import TASKS

NEEDED = {
    "jax": ("jax", "keras", "namex", "optree"),
    "torch": ("torch", "pytorchcv"),
}
ROOM = 1.25  # near the limit of the memory, frameworks may choose slower kernels
TABLES = "comparison.md"
OVER = "The time limit (--minutes) was reached."


class Processes:
    """The processes of a task's engines, started on demand, ended at a deadline."""

    def __init__(self, task, size, deadline):
        self.arguments = {name: (task, name, size) for name in TASKS[task]}
        self.deadline = deadline
        self.kept = {}
        self.largest = 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for stack, _ in self.kept.values():
            stack.close()

    @contextlib.contextmanager
    def engine(self, name):
        """Yield the process of an engine; keep it if there is memory for another."""
        before = memory_in_use()
        stack, process = self.kept.pop(name, None) or self._start(name)
        left = max(0, self.deadline - time.monotonic())
        timer = threading.Timer(left, process.kill)
        timer.start()
        try:
            yield process
        except BaseException:
            stack.close()
            raise
        finally:
            timer.cancel()
        after = memory_in_use()
        self.largest = max(self.largest, after - before)
        if has_room(after, memory_in_all(), self.largest):
            self.kept[name] = stack, process
        else:
            stack.close()

    def _start(self, name):
        stack = contextlib.ExitStack()
        started = running("gpu.engines", {name: self.arguments[name]})
        return stack, stack.enter_context(started)[name]


def has_room(in_use, total, largest):
    """Return whether there is memory for another engine as large as the largest."""
    return 0 < in_use + ROOM * largest <= total


def memory_in_use():
    return _nvidia_smi("memory.used")


def memory_in_all():
    return _nvidia_smi("memory.total")


def _nvidia_smi(field):
    """Return a field of the first GPU's memory in MiB; 0 without a GPU."""
    command = ["nvidia-smi", "--id=0", f"--query-gpu={field}"]
    try:
        done = subprocess.run(
            [*command, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return 0


def order(names, number):
    """Return the names in the order of a round: each round begins with the next."""
    first = number % len(names)
    return names[first:] + names[:first]


def batches(task, name, options):
    """Return the batch sizes of an engine, ascending, because peaks only grow."""
    if name.endswith("-matrices"):
        return [options.matrix]
    if task == "training":
        return [options.batch]
    return sorted({1, min(32, options.batch), options.batch})


def measure(task, options, deadline):
    """Ask the engines of a task in rounds; yield the record after each answer."""
    names = [name for name in TASKS[task] if name in options.engines]
    record = new_record(task, options)
    yield record
    with Processes(task, options.size, deadline) as processes:
        for number in range(options.rounds):
            for name in order(names, number):
                if name in record["errors"] or time.monotonic() > deadline:
                    continue
                try:
                    with processes.engine(name) as process:
                        for batch in batches(task, name, options):
                            question = {"batch": batch, "seconds": options.seconds}
                            found = ask(process, json.dumps(question), json.loads)
                            add(record, name, number, batch, found)
                            yield record
                except ChildProcessError as error:
                    is_late = time.monotonic() > deadline
                    record["errors"][name] = OVER if is_late else str(error)
                    yield record


def new_record(task, options):
    arguments = ["python", "-m", "benchmarks.gpu.compare", *sys.argv[1:]]
    return {
        "task": task,
        "command": shlex.join(arguments),
        "size": options.size,
        "batch": options.batch,
        "devices": {},
        "versions": {},
        "answers": [],
        "errors": {},
    }


def add(record, name, number, batch, found):
    """Add an engine's answer to the record of its task, and print it."""
    record["devices"][name] = found.pop("device")
    record["versions"].update(found.pop("versions"))
    answer = {"engine": name, "round": number, "batch": batch, **found}
    record["answers"].append(answer)
    milliseconds = found["seconds"] * 1e3
    print(f"{number}, {record['task']}, {name}, {batch}: {milliseconds:.2f} ms")


def write(out, record):
    """Write the record of a task and the tables of all tasks in the folder."""
    replace(out / f"{record['task']}.json", json.dumps(record, indent=1))
    paths = [out / f"{task}.json" for task in TASKS]
    records = [json.loads(path.read_text()) for path in paths if path.exists()]
    replace(out / TABLES, "\n".join(map(markdown, records)))


def replace(path, text):
    """Replace a file. An interrupted run keeps the previous file."""
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


def main():
    options = arguments()
    deadline = time.monotonic() + 60 * options.minutes
    options.out.mkdir(parents=True, exist_ok=True)
    sys.stdout.reconfigure(line_buffering=True)
    with tempfile.TemporaryDirectory() as folder:
        # A process that is started again does not compile again.
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", folder)
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        for task in options.tasks:
            for record in measure(task, options, deadline):
                write(options.out, record)
    print((options.out / TABLES).read_text())


def arguments():
    engines = list(dict.fromkeys(name for task in TASKS.values() for name in task))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder for the results")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--engines", nargs="+", choices=engines, default=engines)
    parser.add_argument(
        "--batch", type=positive, default=256, help="the largest batch size"
    )
    parser.add_argument(
        "--size",
        type=size,
        default=224,
        help="height and width of the images, a multiple of 32",
    )
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="about, per answer")
    parser.add_argument(
        "--matrix", type=positive, default=8192, help="height of the matrices"
    )
    parser.add_argument("--minutes", type=float, default=60, help="time limit")
    options = parser.parse_args()
    # A task without engines would replace the results of another run.
    options.tasks = [t for t in options.tasks if TASKS[t].keys() & {*options.engines}]
    if not options.tasks:
        parser.error(
            f"no chosen task has these engines; choose others. Received: {sys.argv[1:]}"
        )
    if missing := missing_modules(options):
        parser.error(
            f"the engines need {', '.join(missing)}. Install them as described in "
            "benchmarks/gpu/README.md, or choose other engines. "
            f"Received: --engines {' '.join(options.engines)}"
        )
    return options


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more. Received: {text}")
    return number


def size(text):
    """Read an image size, which pytorchcv's network halves five times."""
    if int(text) % 32:
        raise argparse.ArgumentTypeError(f"must be a multiple of 32. Received: {text}")
    return positive(text)


def missing_modules(options):
    """Return the modules that the engines need and that are not installed."""
    chosen = {
        module
        for task in options.tasks
        for name, engine in TASKS[task].items()
        if name in options.engines
        for module in NEEDED[engine.framework]
    }
    return sorted(m for m in chosen if importlib.util.find_spec(m) is None)


if __name__ == "__main__":
    main()
