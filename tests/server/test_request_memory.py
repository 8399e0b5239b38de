"""One limit on the memory of requests, and other options, over real sockets."""

import asyncio
import contextlib
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from keras_resattn_server.running.limits import MemoryFullError
from keras_resattn_server.running.limits import RequestMemory

from .conftest import MODELS
from .conftest import running_server
from .grpc_requests import predict_request

MIB = 2**20
KEY, NEW_KEY = "5e13f0a7c4", "0b6de1f2a9"
PREDICT = "/v1/models/misc:predict"


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.touch(mode=0o600)
    path.write_text(KEY)
    return path


@pytest.fixture(scope="module")
def small(key_file):
    """A server with room for two of the largest requests."""
    with running_server(
        MODELS,
        max_request_bytes=8 * MIB,
        max_request_memory=3 * 16 * MIB,
        max_connections=8,
        receive_timeout_seconds=2,
        rest_api_enable_cors_support=True,
        cors_origins=["https://example.org"],
        api_key_file=str(key_file),
    ) as server:
        yield server


@contextlib.contextmanager
def unfinished_requests(server, number):
    """Requests whose bodies are announced, and do not arrive."""
    host, port = server.url.removeprefix("http://").split(":")
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nx-api-key: {KEY}\r\n"
    head += f"Content-Length: {8 * MIB}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            connection = socket.create_connection((host, int(port)), timeout=60)
            stack.enter_context(connection).sendall(head.encode())
        time.sleep(0.3)
        yield


def ask(server, key=KEY, **headers):
    headers = {"x-api-key": key, **headers}
    url, body = server.url + PREDICT, {"instances": [1.0]}
    return httpx.post(url, json=body, headers=headers, timeout=60)


def test_requests_of_both_protocols_share_the_memory(small):
    with grpc.insecure_channel(small.grpc_address) as channel:
        service = PredictionServiceStub(channel)
        request = predict_request("misc", "st", s=[b"text"])
        metadata = [("x-api-key", KEY)]
        with unfinished_requests(small, 2):
            answer = ask(small)
            call = service.Predict.future(request, timeout=1.0, metadata=metadata)
            assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED  # it waits
        assert answer.status_code == 503
        assert "--max-request-memory" in answer.json()["error"]
        assert answer.headers["retry-after"] == "1"
        # The memory is free again, also after requests that did not arrive.
        service.Predict(request, timeout=60, metadata=metadata)
    assert ask(small).status_code == 200


def test_a_client_without_a_key_takes_no_memory(small):
    """It opens calls, and sends no messages."""
    sent = threading.Event()
    with grpc.insecure_channel(small.grpc_address) as channel:
        name = "/tensorflow.serving.PredictionService/Predict"
        ask = channel.stream_unary(name, PredictRequest.SerializeToString)
        calls = [ask.future(iter(sent.wait, True), timeout=60) for _ in range(4)]
        codes = {call.code() for call in calls}
        sent.set()
    assert codes == {grpc.StatusCode.UNAUTHENTICATED}


def test_many_large_grpc_messages_do_not_fill_the_memory(small):
    before = resident_bytes(small)
    # A mean, so that the answers take no memory.
    request = predict_request("misc", "scal", x=np.zeros(7 * MIB // 4, "float32"))

    def ask_once(_):
        alone = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(small.grpc_address, alone) as channel:
            service = PredictionServiceStub(channel)
            metadata = [("x-api-key", KEY)]
            call = service.Predict.future(request, timeout=60, metadata=metadata)
            return call.code(), resident_bytes(small)

    with ThreadPoolExecutor(64) as threads:
        codes, sizes = zip(*threads.map(ask_once, range(64)), strict=True)
    assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert grpc.StatusCode.OK in codes
    assert max(sizes) - before < 256 * MIB  # all together have 448 MiB, parsed 896


def resident_bytes(server):
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) * 1024


def test_pages_of_the_origin_may_read_answers(small):
    answer = ask(small, origin="https://example.org")
    assert answer.headers["access-control-allow-origin"] == "https://example.org"
    answer = ask(small, key="wrong", origin="https://example.org")
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "https://example.org"
    assert "access-control-allow-origin" not in ask(small, origin="http://x").headers


def test_a_preflight_request_needs_no_key(small):
    headers = {
        "origin": "https://example.org",
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-api-key,content-type",
    }
    answer = httpx.options(small.url + PREDICT, headers=headers, timeout=60)
    assert answer.status_code == 200
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_too_many_connections_are_refused_in_json(small):
    with unfinished_requests(small, 8):
        answer = ask(small)
    assert answer.status_code == 503
    assert "--max-connections" in answer.json()["error"]


def test_the_key_file_is_read_again_on_sighup(small, key_file):
    key_file.write_text(NEW_KEY)
    small.process.send_signal(signal.SIGHUP)
    while ask(small, NEW_KEY).status_code == 401:
        time.sleep(0.1)
    assert ask(small).status_code == 401
    key_file.write_text("")  # not valid: the keys stay
    small.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert ask(small, NEW_KEY).status_code == 200
    key_file.write_text(KEY)
    small.process.send_signal(signal.SIGHUP)
    while ask(small).status_code == 401:
        time.sleep(0.1)


def test_memory_is_given_in_the_order_of_the_calls():
    async def run():
        memory, order = RequestMemory(3 * 10), []

        async def use(name, size):
            async with memory.wait_for(size, 60):
                order.append(name)
                await asyncio.sleep(0)

        with memory.reserve(10):
            tasks = [
                asyncio.create_task(use(name, size))
                for name, size in (("large", 9), ("small", 1), ("middle", 5))
            ]
            await asyncio.sleep(0)
            with pytest.raises(MemoryFullError):
                async with memory.wait_for(1, 0.01):
                    pass
            assert not order
        await asyncio.gather(*tasks)
        assert memory.used == 0
        return order

    assert asyncio.run(run()) == ["large", "small", "middle"]
