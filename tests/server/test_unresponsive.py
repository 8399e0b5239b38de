"""Clients that never read, messages that swell, files that block: real sockets."""

import contextlib
import json
import os
import signal
import socket
import ssl
import threading
import time

import grpc
import httpx
import pytest
import trustme
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from keras_resattn_server.rpc.connections import close_connection

from .conftest import MODELS
from .conftest import running_server
from .conftest import wait_until
from .grpc_requests import predict_request
from .small_models import publish

MIB = 2**20
RECEIVE_SECONDS = 3
UNLIMITED = [("grpc.max_send_message_length", -1)]


@pytest.fixture(scope="module")
def impatient():
    with running_server(
        MODELS / "misc", receive_timeout_seconds=RECEIVE_SECONDS
    ) as server:
        yield server


def call_that_never_reads(channel):
    """A stub with a stream of answers does not receive before one is asked for."""
    request = predict_request("misc", "st", s=[b"a" * 20 * MIB])
    name = "/tensorflow.serving.PredictionService/Predict"
    return channel.unary_stream(name, PredictRequest.SerializeToString)(request, 600)


@contextlib.contextmanager
def client_that_never_reads(server, context=None):
    """A client whose answer is larger than all buffers of the system."""
    host, port = server.url.partition("://")[2].split(":")
    body = {"signature_name": "st", "inputs": "a" * 20 * MIB}
    body = json.dumps({**body, "inputs": [body["inputs"]]}).encode()
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.socket())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((host, int(port)))
        if context is not None:
            connection = stack.enter_context(context.wrap_socket(connection))
        head = "POST /v1/models/misc:predict HTTP/1.1\r\nHost: x\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        yield connection


def open_files(process_id):
    """Return what each file of a process is, such as `socket:[12345]`."""
    folder = f"/proc/{process_id}/fd"
    links = []
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(f"{folder}/{name}"))
    return links


def open_sockets(server):
    links = open_files(server.process.pid)
    return sum(link.startswith("socket:") for link in links)


def test_a_client_that_never_reads_is_put_out(impatient):
    before = open_sockets(impatient)
    with client_that_never_reads(impatient):
        wait_until(lambda: open_sockets(impatient) > before)
        wait_until(lambda: open_sockets(impatient) <= before)
    assert httpx.get(f"{impatient.url}/healthz").text == "ok"


def test_a_client_that_never_reads_is_put_out_of_tls(tmp_path):
    certificate = trustme.CA().issue_cert("127.0.0.1")
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(files[0])
    certificate.private_key_pem.write_to_path(files[1])
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with running_server(
        MODELS / "misc",
        receive_timeout_seconds=RECEIVE_SECONDS,
        tls_certificate=str(files[0]),
        tls_key=str(files[1]),
    ) as server:
        before = open_sockets(server)
        with client_that_never_reads(server, context) as connection:
            connection.recv(1)  # the answer has begun
            started = time.monotonic()
            wait_until(lambda: open_sockets(server) <= before)
        assert time.monotonic() - started < 25  # asyncio's own limit is 30


def test_sigterm_ends_in_its_time_with_clients_that_never_read():
    with running_server(MODELS / "misc", drain_seconds=2) as server:
        with (
            client_that_never_reads(server) as connection,
            grpc.insecure_channel(server.grpc_address, UNLIMITED) as channel,
        ):
            call_that_never_reads(channel)
            connection.recv(1)  # the answer has begun
            started = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(timeout=60) == 0
    assert time.monotonic() - started < 15


class Proxy:
    """Forward a connection to a server, and stop to read its answers on demand."""

    def __init__(self, address):
        host, port = address.split(":")
        self.reading, self.ended = threading.Event(), threading.Event()
        self.reading.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.server = socket.create_connection((host, int(port)))
        threading.Thread(target=self._to_server, daemon=True).start()

    def _to_server(self):
        self.client, _ = self.listener.accept()
        threading.Thread(target=self._to_client, daemon=True).start()
        with contextlib.suppress(OSError):
            while data := self.client.recv(65536):
                self.server.sendall(data)
        self.ended.set()

    def _to_client(self):
        with contextlib.suppress(OSError):
            while self.reading.wait() and (data := self.server.recv(65536)):
                self.client.sendall(data)
        self.client.close()


def test_a_grpc_client_that_never_reads_is_put_out(impatient):
    proxy = Proxy(impatient.grpc_address)
    request = predict_request("misc", "st", s=[b"text"])
    with grpc.insecure_channel(proxy.address) as channel:
        PredictionServiceStub(channel).Predict(request, timeout=60)
        before = open_sockets(impatient)
        proxy.reading.clear()
        wait_until(lambda: open_sockets(impatient) < before)
        proxy.reading.set()
    proxy.listener.close()


def test_a_grpc_client_that_answers_pings_but_never_reads_is_put_out(impatient):
    with grpc.insecure_channel(impatient.grpc_address, UNLIMITED) as channel:
        started = time.monotonic()
        call = call_that_never_reads(channel)
        assert call.code() is grpc.StatusCode.UNAVAILABLE
        assert RECEIVE_SECONDS < time.monotonic() - started < 60
    with grpc.insecure_channel(impatient.grpc_address) as channel:
        request = predict_request("misc", "st", s=[b"text"])
        PredictionServiceStub(channel).Predict(request, timeout=60)


def is_open_once(connection):
    """Other sockets of this process come and go: those of earlier tests."""
    links = open_files("self")
    return links.count(os.readlink(f"/proc/self/fd/{connection.fileno()}")) == 1


@pytest.mark.parametrize(
    "family, host, peer",
    [
        (socket.AF_INET, "127.0.0.1", "ipv4:127.0.0.1"),
        (socket.AF_INET6, "::1", "ipv6:%5B::1%5D"),
        (socket.AF_INET6, "::", "ipv4:127.0.0.1"),
    ],
)
def test_only_the_connection_of_the_client_is_closed(family, host, peer):
    with contextlib.ExitStack() as stack:
        listener = socket.create_server(
            (host, 0), family=family, dualstack_ipv6=host == "::"
        )
        port = stack.enter_context(listener).getsockname()[1]
        host = "127.0.0.1" if host == "::" else host
        clients = [socket.create_connection((host, port), timeout=60) for _ in "ab"]
        servers = [listener.accept()[0] for _ in clients]
        for connection in [*clients, *servers]:
            stack.enter_context(connection)
        close_connection(f"{peer}:{clients[0].getsockname()[1]}", port)
        assert all(map(is_open_once, [listener, *clients, *servers]))
        assert clients[0].recv(1) == b""
        servers[1].sendall(b"a")
        assert clients[1].recv(1) == b"a"


def processor_seconds(server):
    with open(f"/proc/{server.process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_grpc_message_that_swells_costs_less_than_a_second(impatient):
    request = predict_request("misc", "st", s=[bytes(100 * MIB)])
    before = processor_seconds(impatient)
    with grpc.insecure_channel(
        impatient.grpc_address,
        [("grpc.max_send_message_length", -1)],
        compression=grpc.Compression.Gzip,
    ) as channel:
        call = PredictionServiceStub(channel).Predict.future(request, timeout=60)
        assert call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert processor_seconds(impatient) - before < 1


def test_a_file_that_blocks_does_not_hold_up_other_versions(tmp_path, times):
    """Version 2 and the model `blocked` are pipes, which block who reads them."""
    publish(times[1], tmp_path / "times" / "1")
    for folder in (tmp_path / "times" / "2", tmp_path / "blocked" / "1"):
        folder.mkdir(parents=True)
        os.mkfifo(folder / "saved_model.pb")
    with running_server(tmp_path, labels=None) as server:
        url = f"{server.url}/v1/models"
        answer = httpx.post(f"{url}/times:predict", json={"instances": [3.0]})
        assert answer.json() == {"predictions": [3.0]}
        (status,) = httpx.get(f"{url}/blocked").json()["model_version_status"]
        assert status["state"] == "END"
        assert "regular files" in status["status"]["error_message"]
        publish(times[3], tmp_path / "times" / "3")
        wait_until(
            lambda: (
                httpx.post(f"{url}/times:predict", json={"instances": [3.0]}).json()
                == {"predictions": [9.0]}
            )
        )
