"""Trainings in processes of their own, as devices and clusters need them."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def start(*arguments, **environment):
    """Start Python with arguments, in the repository."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def wait(*processes, timeout=900):
    """Return what processes printed, once all of them have ended well."""
    try:
        printed = [process.communicate(timeout=timeout)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, text in zip(processes, printed, strict=True):
        assert process.returncode == 0, text
    return printed


def worker_environments(count):
    """Return the environment variables of each of several workers."""
    addresses = [f"localhost:{port}" for port in free_ports(count)]
    return [
        {
            "TF_CONFIG": json.dumps(
                {
                    "cluster": {"worker": addresses},
                    "task": {"type": "worker", "index": index},
                }
            )
        }
        for index in range(count)
    ]


def free_ports(count):
    with contextlib.ExitStack() as stack:
        listeners = [
            stack.enter_context(socket.create_server(("localhost", 0)))
            for _ in range(count)
        ]
        return [listener.getsockname()[1] for listener in listeners]


def assert_equal(results, expected, atol=1e-5):
    """Compare the losses and weights that two trainings left in `.npz` files."""
    results, expected = np.load(results), np.load(expected)
    assert results.files == expected.files
    for name in expected.files:
        np.testing.assert_allclose(
            results[name], expected[name], rtol=0, atol=atol, err_msg=name
        )
