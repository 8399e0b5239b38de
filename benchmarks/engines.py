"""Processes that are measured in turn: each keeps one engine and answers with seconds.

Frameworks in one process would fight for the cores. An engine prints `ready`, and
then a line for each line that it reads.
"""

import contextlib
import subprocess
import sys
import tempfile

TOLD = 3000  # characters of what an engine said at last


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
    told = tempfile.TemporaryFile("w+")  # a pipe would fill up, as nobody reads it
    engine = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=told,
        text=True,
    )
    engine.told = told
    if engine.stdout.readline() != "ready\n":
        engine.kill()
        raise _failure(engine, "did not start")
    return engine


def ask(engine, question="", read=float):
    """Return what an engine answers to a line: the seconds that it needed, or more.

    Args:
        engine: A process of `running`.
        question: String, the line.
        read: A function of the line of the answer.

    Raises:
        ChildProcessError: If the engine has ended, with what it said at last.
    """
    with contextlib.suppress(BrokenPipeError):
        engine.stdin.write(f"{question}\n")
        engine.stdin.flush()
    answer = engine.stdout.readline()
    if not answer:
        raise _failure(engine, "ended")
    return read(answer)


def _failure(engine, what):
    engine.wait()
    engine.told.seek(0)
    told = engine.told.read()[-TOLD:].strip()
    return ChildProcessError(f"{' '.join(engine.args)} {what}:\n{told}")
