"""Several workers on one machine, each restarted if it fails.

Use this to try on one machine what a cluster does, including its restart policy:

    python cluster/local_workers.py 2 \\
        keras-resattn train demo --resume runs/demo --distribution multiworker
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from collections.abc import Sequence


def run_workers(
    command: Sequence[str],
    workers: int = 2,
    max_restarts: int = 3,
    report: Callable[[str], object] = print,
) -> int:
    """Run a command as several workers on this machine.

    Each worker has its own `TF_CONFIG`. A worker that fails is restarted alone, as
    Kubernetes does. The others fail soon after, because they lose the connection,
    and are restarted as well.

    Args:
        command: The command and its arguments.
        workers: The number of workers.
        max_restarts: The number of times that each worker may be restarted.
        report: A function that takes a line of text about a failure.

    Returns:
        0, or the exit code of a worker that failed after its last restart. The
        other workers are then killed.
    """
    addresses = [f"localhost:{port}" for port in _free_ports(workers)]
    restarts = [0] * workers
    processes = [_start(command, addresses, index) for index in range(workers)]
    try:
        while any(code := [process.poll() for process in processes]) or None in code:
            for index, exit_code in enumerate(code):
                if not exit_code:
                    continue
                report(f"Worker {index} ended with exit code {exit_code}.")
                if restarts[index] == max_restarts:
                    return exit_code
                restarts[index] += 1
                processes[index] = _start(command, addresses, index)
            time.sleep(0.2)
        return 0
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("localhost", 0)))
            for _ in range(count)
        ]
        return [one.getsockname()[1] for one in sockets]


def _start(
    command: Sequence[str], addresses: Sequence[str], index: int
) -> subprocess.Popen[bytes]:
    task = {"type": "worker", "index": index}
    config = {"cluster": {"worker": addresses}, "task": task}
    return subprocess.Popen(command, env=os.environ | {"TF_CONFIG": json.dumps(config)})


def main() -> None:
    """Run the workers that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--max-restarts", type=int, default=3)
    parser.add_argument("workers", type=int)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    sys.exit(run_workers(options.command, options.workers, options.max_restarts))


if __name__ == "__main__":
    main()
