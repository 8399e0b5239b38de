"""Processes that are measured in turn: each keeps one engine and answers with seconds.

Frameworks in one process would fight for the cores. An engine prints `ready`, and
then a line for each line that it reads.
"""

import contextlib
import subprocess
import sys


@contextlib.contextmanager
def running(module, arguments):
    """Start engines one after another; end them all at the exit.

    Args:
        module: String, the module of the benchmark that keeps an engine.
        arguments: A dictionary from the name of each engine to the arguments of
            its process.

    Yields:
        A dictionary from the names to `subprocess.Popen`s, all of them ready.

    Raises:
        ChildProcessError: If one does not start.
    """
    engines = {}
    try:
        for name, given in arguments.items():
            engines[name] = _start(module, given)
        yield engines
    finally:
        for engine in engines.values():
            engine.kill()
            engine.wait()


def _start(module, arguments):
    engine = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if engine.stdout.readline() != "ready\n":
        engine.kill()
        raise ChildProcessError(f"{' '.join(engine.args)} did not start")
    return engine


def ask(engine, question=""):
    """Return how many seconds an engine needs for what a line asks."""
    engine.stdin.write(f"{question}\n")
    engine.stdin.flush()
    answer = engine.stdout.readline()
    if not answer:
        raise ChildProcessError(f"{' '.join(engine.args)} ended")
    return float(answer)
