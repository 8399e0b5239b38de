"""Run engines in processes of their own, and ask them for their times.

Frameworks in the same process would compete for the cores. An engine prints `ready`.
After that it reads lines from its standard input and prints one line for each.
"""

import contextlib
import subprocess
import sys
import tempfile

LAST_CHARACTERS = 3000  # of an engine's standard error, for error messages


@contextlib.contextmanager
def running(module, arguments):
    """Start engines one after another; end all of them at the exit.

    Args:
        module: String, the module in `benchmarks` that runs an engine.
        arguments: A dictionary from the name of each engine to the arguments of
            its process.

    Yields:
        A dictionary from the names to `subprocess.Popen`s, all of which are ready.

    Raises:
        ChildProcessError: If an engine does not start.
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
    # Not a pipe, which would fill up because nobody reads it.
    errors = tempfile.TemporaryFile("w+")
    engine = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    engine.errors = errors
    if engine.stdout.readline() != "ready\n":
        engine.kill()
        raise _failure(engine, "did not start")
    return engine


def ask(engine, question="", read=float):
    """Send a line to an engine and return its answer.

    Args:
        engine: A process of `running`.
        question: String, the line to send.
        read: A function that converts the line of the answer.

    Returns:
        The converted answer, by default the seconds as a float.

    Raises:
        ChildProcessError: If the engine has ended. The message contains the end of its
            standard error.
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
    engine.errors.seek(0)
    errors = engine.errors.read()[-LAST_CHARACTERS:].strip()
    return ChildProcessError(f"{' '.join(engine.args)} {what}:\n{errors}")
