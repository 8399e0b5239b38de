import contextlib
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

MODELS = Path(__file__).parent / "data" / "models"
# Fed to the `slow` signature of `misc`, it takes a second or more.
SECONDS_OF_STEPS = 600.0
PROGRAM = """
import sys
from keras_resattn.server import serve
serve(sys.argv[1], port=0, labels={"clf": {"stable": 1}})
"""


@contextlib.contextmanager
def running_server(base):
    """A server in its own process; gives the process and the server's URL."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(base)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("Serving "), line
        url = urlsplit(line.split()[-1])
        yield process, f"http://{url.netloc}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def server_url():
    with running_server(MODELS) as (_, url):
        yield url


@pytest.fixture
def client(server_url):
    with httpx.Client(base_url=server_url, timeout=30) as client:
        yield client
