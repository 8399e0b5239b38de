"""Several workers on one machine, each begun again where it fails.

To try out on one machine what a cluster does, a restart policy included:

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


def run_workers(command, workers=2, max_restarts=3, report=print):
    """Run a command as several workers of this machine.

    Each has a `TF_CONFIG` of its own. A worker that fails is begun again, alone,
    as Kubernetes would: its peers, who miss it, fail soon after and follow.

    Args:
        command: A list of strings.
        workers: Integer, the number of workers.
        max_restarts: Integer, how often each worker is begun again at most.
        report: A function that is given a line of text: who failed.

    Returns:
        Integer, 0 or the exit code of the worker that failed once too often;
        the others are then ended.
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


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("localhost", 0)))
            for _ in range(count)
        ]
        return [one.getsockname()[1] for one in sockets]


def _start(command, addresses, index):
    task = {"type": "worker", "index": index}
    config = {"cluster": {"worker": addresses}, "task": task}
    return subprocess.Popen(command, env=os.environ | {"TF_CONFIG": json.dumps(config)})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--max-restarts", type=int, default=3)
    parser.add_argument("workers", type=int)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    sys.exit(run_workers(options.command, options.workers, options.max_restarts))


if __name__ == "__main__":
    main()
