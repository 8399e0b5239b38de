"""What a server says while it starts and while it ends."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from keras_resattn_server import Gate
from keras_resattn_server import Inference
from keras_resattn_server import ServableRegistry
from keras_resattn_server import ServerOptions
from keras_resattn_server import create_app
from keras_resattn_server.models.registry import VersionStatus
from keras_resattn_server.models.servable import Servable

from .conftest import MODELS
from .conftest import PROGRAM
from .conftest import running_server
from .conftest import wait_until


def ask(app, method, path, **arguments):
    async def request():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://x"
        ) as client:
            return await client.request(method, path, **arguments)

    return asyncio.run(request())


@pytest.mark.parametrize(
    "starting, draining, missing, status, text",
    [
        (False, False, [], 200, "ok"),
        (True, False, [], 503, "The server is starting."),
        (False, True, [], 503, "The server is shutting down."),
        (
            False,
            False,
            ["a", "b"],
            503,
            "The server waits for model a (version 2 is LOADING, version 1 is END), "
            "model b (no version is loading).",
        ),
    ],
)
def test_it_is_ready_when_all_is_loaded_until_it_ends(
    starting, draining, missing, status, text
):
    registry = ServableRegistry()
    registry.set_status("a", 1, VersionStatus("END", "NOT_FOUND", "secret"))
    registry.set_status("a", 2, VersionStatus("LOADING"))
    gate = Gate(registry, missing=lambda: missing)
    gate.is_starting, gate.is_draining = starting, draining
    app = create_app(registry, gate=gate)
    answer = ask(app, "GET", "/readyz")
    assert (answer.status_code, answer.text) == (status, text)
    assert ask(app, "GET", "/healthz").status_code == 200
    answer = ask(app, "GET", "/v1/models/clf")
    assert answer.status_code == (503 if starting else 404)


class Stuck(Inference):
    async def run(self, servable, signature_name, arrays):
        await asyncio.sleep(3600)


def test_a_request_that_takes_too_long_is_ended():
    registry = ServableRegistry([Servable("misc", MODELS / "misc" / "7")])
    options = ServerOptions(rest_api_timeout_in_ms=1)
    app = create_app(registry, Stuck(), options=options)
    body = {"instances": [1.0]}
    answer = ask(app, "POST", "/v1/models/misc:predict", json=body)
    assert answer.status_code == 504
    assert answer.json() == {
        "error": "The request was not answered within its deadline."
    }


# The loading of each version has no end.
ENDLESS = """
import time
from keras_resattn_server.loading import version_load
version_load.check_files = lambda folder: time.sleep(3600)
"""


def test_while_models_load_it_lives_is_not_ready_and_can_be_ended():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {"port": port, "grpc_port": None}
    arguments = json.dumps([str(MODELS / "misc"), options])
    process = subprocess.Popen([sys.executable, "-c", ENDLESS + PROGRAM, arguments])
    try:
        url = f"http://127.0.0.1:{port}"
        assert wait_for_answer(f"{url}/healthz").text == "ok"
        assert wait_for_answer(f"{url}/readyz").status_code == 503
        waiting = "The server waits for model misc (version 7 is LOADING)."
        wait_until(lambda: httpx.get(f"{url}/readyz").text == waiting)
        answer = httpx.get(f"{url}/v1/models/misc")
        assert answer.status_code == 503
        assert answer.json() == {"error": "The models are being loaded."}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()


def wait_for_answer(url):
    while True:
        try:
            return httpx.get(url, timeout=60)
        except httpx.TransportError:
            time.sleep(0.05)


def test_told_to_end_it_says_so_and_serves_on_for_a_while():
    with running_server(MODELS / "misc", drain_delay_seconds=2) as server:
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        while httpx.get(f"{server.url}/readyz").status_code == 200:
            time.sleep(0.01)
        url = f"{server.url}/v1/models/misc:predict"
        assert httpx.post(url, json={"instances": [1.0]}).status_code == 200
        assert server.process.wait(timeout=60) == 0
