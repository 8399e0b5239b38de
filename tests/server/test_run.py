import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import tensorflow as tf

from keras_resattn_server import ServableRegistry
from keras_resattn_server import create_app
from keras_resattn_server import serve
from keras_resattn_server.loading.loader import ModelLoader
from keras_resattn_server.loading.model_config import ModelFolders
from keras_resattn_server.ports import listen
from keras_resattn_server.wire.status import from_op_error

from .conftest import MODELS
from .conftest import SECONDS_OF_STEPS
from .conftest import running_server


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_answers_and_frees_the_port(number):
    with running_server(MODELS / "misc") as server:
        process, url = server.process, server.url
        with ThreadPoolExecutor(1) as thread:
            slow = {"signature_name": "slow", "instances": [SECONDS_OF_STEPS]}
            answer = thread.submit(
                httpx.post, f"{url}/v1/models/misc:predict", json=slow, timeout=30
            )
            time.sleep(0.3)
            process.send_signal(number)
            assert not answer.done()
            assert answer.result().status_code == 200
        assert process.wait(timeout=30) == 0
        port = int(url.rsplit(":", 1)[1])
        socket.create_server(("127.0.0.1", port)).close()


def test_a_busy_port_fails_before_any_model_loads():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError) as caught:
            serve("no/such/folder", port=port)
    message = str(caught.value)
    assert f"127.0.0.1:{port}" in message
    assert "Choose another port with --port" in message
    assert message.endswith(f"Received: 127.0.0.1:{port}")


def test_a_busy_grpc_port_names_its_option():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="Choose another port with --grpc-port"):
            serve("no/such/folder", port=0, grpc_port=port)


@pytest.mark.parametrize("sources", [{}, {"base": "x", "model_config_file": "y"}])
def test_it_wants_a_folder_or_a_model_config_file(sources):
    with pytest.raises(ValueError, match="the folder of the models or a model config"):
        serve(**sources, port=0, grpc_port=None)


def test_it_does_not_start_without_any_model_that_can_be_loaded(tmp_path):
    (tmp_path / "clf" / "1").mkdir(parents=True)
    (tmp_path / "clf" / "1" / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(ValueError, match="No model became available") as caught:
        serve(tmp_path, port=0, grpc_port=None)
    assert str(caught.value).endswith(f"Received: {tmp_path}")


def test_an_answer_does_not_wait_for_an_acknowledgement():
    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("port", [70000, -1])
def test_an_impossible_port_is_named(port):
    with pytest.raises(OSError, match=f"Received: 127.0.0.1:{port}"):
        serve(MODELS, port=port)


@pytest.mark.parametrize("layout", ["", "NAME", "NAME/one", "NAME/1"])
def test_a_folder_without_models_is_named_with_the_layout_expected(tmp_path, layout):
    base = tmp_path / "models"
    if layout:
        (base / layout).mkdir(parents=True)
    with pytest.raises(FileNotFoundError) as caught:
        ModelFolders(base)
    message = str(caught.value)
    assert "NAME/<integer>/saved_model.pb" in message
    assert message.endswith(f"Received: {base}")


def test_the_highest_version_serves_and_versions_compare_as_numbers(tmp_path):
    for version in ("9", "10"):
        target = tmp_path / "misc" / version
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(MODELS / "misc" / "7")
    (tmp_path / "misc" / "11-unfinished").symlink_to(MODELS / "misc" / "7")
    for base in (tmp_path, tmp_path / "misc"):
        loader = ModelLoader(ServableRegistry(), ModelFolders(base))
        loader.poll(at_once=True)
        assert loader.registry.available() == {"misc": [10]}


def test_a_client_sees_no_trace_directory_or_node():
    error = tf.errors.NotFoundError(
        None,
        None,
        "Graph execution error:\n\nDetected at node a/b defined at (most recent call"
        ' last):\n  File "/opt/model.py", line 3, in f\n    g()\n'
        "/srv/models/x/1/assets/words.txt; No such file\n\t [[{{node a/b}}]]"
        " [Op:__inference_7]",
    )
    serving_error = from_op_error(error)
    assert serving_error.message == "words.txt; No such file"
    assert serving_error.http_status == 404


def test_an_unexpected_error_is_logged_and_kept_from_the_client(monkeypatch, caplog):
    registry = ServableRegistry()
    monkeypatch.setattr(registry, "statuses", lambda *_: 1 / 0)
    transport = httpx.ASGITransport(create_app(registry))

    async def ask():
        async with httpx.AsyncClient(
            transport=transport, base_url="http://x"
        ) as client:
            return await client.get("/v1/models/clf")

    response = asyncio.run(ask())
    assert response.status_code == 500
    assert "ZeroDivisionError" in caplog.text
    assert "division" not in response.text


def test_without_its_extra_the_import_says_what_to_install():
    program = "import sys; sys.modules['starlette'] = None\nimport keras_resattn_server"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert re.search(r"pip install .*\[serve\].*starlette", result.stderr)
