import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import grpc
import httpx
import pytest

MODELS = Path(__file__).parent / "data" / "models"
# Fed to the `slow` signature of `misc`, it takes a second or more.
SECONDS_OF_STEPS = 600.0
# TensorFlow is imported in two thirds of the time if it cannot find its old Keras. A
# server needs none.
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1", "TF_USE_LEGACY_KERAS": "1"}
PROGRAM = """
import json
import sys
import time
from keras_resattn_server import serve
base, options = json.loads(sys.argv[1])
serve(base, **options)
"""


class RunningServer(NamedTuple):
    process: subprocess.Popen
    url: str
    grpc_address: str
    lines: list[str]


@contextlib.contextmanager
def running_server(base, **options):
    """A server in its own process, which looks for new versions ten times a second."""
    options = {
        "port": 0,
        "grpc_port": 0,
        "file_system_poll_wait_seconds": 0.1,
        "drain_seconds": 300,  # a busy machine can be slow
        "labels": {"clf": {"stable": 1}},
        **options,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, json.dumps([base and str(base), options])],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ENVIRONMENT},
    )
    try:
        yield _announced(process)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _announced(process):
    lines = []
    while not lines or not lines[-1].startswith("Serving gRPC at "):
        line = process.stdout.readline()
        assert line.startswith("Serving "), line
        lines.append(line.strip())
    url = lines[0].split()[-1].partition("/v1/")[0]
    return RunningServer(process, url, lines[-1].split()[-1], lines)


@pytest.fixture(scope="session")
def server():
    with running_server(MODELS) as server:
        yield server


@pytest.fixture(scope="session")
def server_url(server):
    return server.url


@pytest.fixture
def client(server_url):
    with httpx.Client(base_url=server_url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def channel(server):
    with grpc.insecure_channel(server.grpc_address) as channel:
        yield channel


@pytest.fixture(scope="session")
def times(tmp_path_factory):
    """Folders of models that multiply, by their factor; `"renamed"` is one whose
    input has another name. Tests must not write to them."""
    from .small_models import Renamed
    from .small_models import Times
    from .small_models import save

    root = tmp_path_factory.mktemp("times")
    modules = {**{factor: Times(factor) for factor in (1, 2, 3)}, "renamed": Renamed()}
    for name, module in modules.items():
        save(root / str(name), module)
    return {name: root / str(name) for name in modules}


@pytest.fixture
def folder(tmp_path, times):
    """The folder of a model, `times`, with a version 1."""
    from .small_models import publish

    publish(times[1], tmp_path / "times" / "1")
    return tmp_path / "times"


@pytest.fixture
def loader(folder):
    from keras_resattn_server.loading.loader import ModelLoader
    from keras_resattn_server.loading.model_config import ModelFolders
    from keras_resattn_server.models.registry import ServableRegistry

    loader = ModelLoader(ServableRegistry(), ModelFolders(folder.parent))
    loader.poll(at_once=True)
    return loader


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture(scope="module")
def reader():
    """The reader of `address`, to look at its memory."""
    from keras_resattn_server.rest.request_body import BodyReader
    from keras_resattn_server.running.limits import RequestMemory

    from .limits_server import LIMIT

    return BodyReader(LIMIT, RequestMemory(30 * LIMIT))


@pytest.fixture(scope="module")
def address(reader):
    """The address of a server of nothing but the limits."""
    from .limits_server import body_length_app
    from .limits_server import serving

    with serving(body_length_app(reader)) as address:
        yield address


@pytest.fixture(scope="module")
def impatient_address(reader):
    """The same with 0.3 seconds for a request to arrive."""
    from .limits_server import body_length_app
    from .limits_server import serving

    with serving(body_length_app(reader), seconds=0.3) as address:
        yield address
