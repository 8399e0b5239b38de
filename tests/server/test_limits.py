"""Slow, large and too many requests, against a server of nothing but the limits."""

import asyncio
import contextlib
import http.client
import json
import socket
import threading
import time

import pytest
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.requests import Request
from starlette.responses import JSONResponse

from keras_resattn_server.rest.connection import connection_class
from keras_resattn_server.rest.request_body import BodyReader
from keras_resattn_server.running.limits import MAX_HEAD_BYTES
from keras_resattn_server.running.limits import Admission
from keras_resattn_server.running.limits import MemoryFullError
from keras_resattn_server.running.limits import QueueFullError
from keras_resattn_server.running.limits import RequestMemory
from keras_resattn_server.running.limits import deadline
from keras_resattn_server.wire.status import ServingError

LIMIT = 1000
HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\n"


def body_length_app(reader):
    async def app(scope, receive, send):
        try:
            async with reader.read(Request(scope, receive)) as body:
                response = JSONResponse(len(body))
        except ServingError as error:
            response = JSONResponse(error.message, error.http_status)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    return app


@contextlib.contextmanager
def serving(app, seconds=60.0, keep_alive_seconds=60):
    config = uvicorn.Config(
        app,
        http=connection_class(seconds),
        lifespan="off",
        log_level="error",
        timeout_keep_alive=keep_alive_seconds,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def reader():
    return BodyReader(LIMIT, RequestMemory(30 * LIMIT))


@pytest.fixture(scope="module")
def address(reader):
    with serving(body_length_app(reader)) as address:
        yield address


@pytest.fixture(scope="module")
def impatient_address(reader):
    with serving(body_length_app(reader), seconds=0.3) as address:
        yield address


def connect(address):
    return socket.create_connection(address, timeout=30)


def read_to_end(connection):
    """What comes until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            received += data
    return received


def read_answer(connection):
    # Head and body may come one after the other.
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read()


def answers(address):
    """Whether the server goes on."""
    with connect(address) as connection:
        connection.sendall(HEAD + b"Content-Length: 3\r\n\r\nabc")
        return read_answer(connection)[0] == 200


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"POST /x",
        HEAD + b"X-Slow: 1\r\n",
        HEAD + b"Content-Length: 9\r\n\r\n",
        HEAD + b"Content-Length: 9\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
def test_a_request_that_does_not_come_to_its_end_is_ended(impatient_address, start):
    with connect(impatient_address) as connection:
        connection.sendall(start)
        received = read_to_end(connection)
    assert received.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    body = json.loads(received.partition(b"\r\n\r\n")[2])
    assert body == {"error": "The request did not arrive within 0.3 seconds."}
    assert answers(impatient_address)


def test_bytes_that_trickle_in_do_not_prolong_the_time(impatient_address):
    with connect(impatient_address) as connection:
        connection.settimeout(0.05)
        connection.sendall(HEAD)
        received = b""
        with contextlib.suppress(ConnectionError):
            while not received:  # for ever, if each byte started the time anew
                connection.sendall(b"X")
                with contextlib.suppress(TimeoutError):
                    received = connection.recv(65536)
    assert received[:13] in (b"", b"HTTP/1.1 408 ")


def test_the_second_request_of_a_connection_has_a_limit_too(impatient_address):
    with connect(impatient_address) as connection:
        connection.sendall(HEAD + b"Content-Length: 3\r\n\r\nabc" + HEAD)
        assert read_to_end(connection).count(b"HTTP/1.1 ") == 2


def test_a_connection_may_rest_between_requests(impatient_address):
    with connect(impatient_address) as connection:
        for wait in (0.0, 0.6):  # longer than a request may take to arrive
            threading.Event().wait(wait)
            connection.sendall(HEAD + b"Content-Length: 3\r\n\r\nabc")
            assert read_answer(connection)[0] == 200


def test_many_slow_clients_do_not_stop_a_quick_one(impatient_address):
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(impatient_address)) for _ in range(100)]
        for connection in slow:
            connection.sendall(b"POST /x HTTP/1.1\r\n")
        assert answers(impatient_address)
        for connection in slow:
            assert read_to_end(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("declared", [LIMIT + 1, 10 * 2**30])
def test_a_body_declared_too_large_is_refused_unread(address, reader, declared):
    with connect(address) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % declared)
        assert read_answer(connection)[0] == 413
    assert reader.memory.used == 0


def test_who_sends_on_after_a_refusal_is_cut_off(address):
    with connect(address) as connection, pytest.raises(ConnectionError):
        connection.sendall(HEAD + b"Content-Length: 10737418240\r\n\r\n")
        for _ in range(10 * 1024):
            connection.sendall(bytes(2**20))
    assert answers(address)


def test_a_chunked_body_that_grows_too_large_is_refused(address, reader):
    with connect(address) as connection:
        chunk = b"%x\r\n%s\r\n" % (600, bytes(600))
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 2)
        assert read_answer(connection)[0] == 413
    assert reader.memory.used == 0


def test_a_body_of_the_largest_size_is_read(address):
    with connect(address) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % LIMIT + bytes(LIMIT))
        status, body = read_answer(connection)
    assert (status, json.loads(body)) == (200, LIMIT)


@pytest.mark.parametrize(
    "request_head",
    [
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: many\r\n\r\n",
        HEAD + b"Content-Length: %d\r\n\r\n" % 10**30,
        b"\x16\x03\x01 no HTTP at all\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(address, request_head):
    with connect(address) as connection:
        connection.sendall(request_head)
        assert read_to_end(connection).startswith(b"HTTP/1.1 400 ")
    assert answers(address)


def send_large(address, sent):
    """Send everything, as simple clients do, and only then read the answer."""
    with connect(address) as connection:
        connection.sendall(sent)
        status, body = read_answer(connection)
        assert read_to_end(connection) == b""
    return status, json.loads(body)


@pytest.mark.parametrize("size", [MAX_HEAD_BYTES, 10**6, 8 * 10**6])
@pytest.mark.parametrize("start", [HEAD + b"X-Large: ", b"GET /"])
def test_a_head_beyond_the_limit_is_answered(address, start, size):
    end = b" HTTP/1.1\r\n\r\n" if start == b"GET /" else b"\r\n\r\n"
    status, body = send_large(address, start + b"a" * size + end)
    assert status == 431
    assert "longer than 65536 bytes" in body["error"]
    assert answers(address)


@pytest.mark.parametrize("pause", [0, 0.05])
def test_a_head_of_the_largest_size_is_read(address, pause):
    head = HEAD + b"Content-Length: 3\r\nX-Large: "
    head += b"a" * (MAX_HEAD_BYTES - len(head))
    with connect(address) as connection:
        for start in range(0, len(head), 20_000):
            connection.sendall(head[start : start + 20_000])
            time.sleep(pause)  # so that it arrives in parts
        connection.sendall(b"\r\n\r\nabc")
        assert read_answer(connection) == (200, b"3")


def refused(connection):
    """Send the head of a body that is too large, and read the answer to it."""
    connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1))
    assert read_answer(connection)[0] == 413


@pytest.mark.parametrize(
    ("head", "status"),
    [(HEAD + b"Content-Length: 3\r\n\r\nabc", 200), (HEAD + b"X-Bare: a\n\r\n", 400)],
)
def test_the_request_after_an_early_answer_is_a_request_like_others(
    address, head, status
):
    with connect(address) as connection:
        refused(connection)
        connection.sendall(bytes(LIMIT + 1) + head)
        assert read_answer(connection)[0] == status


def test_a_rest_that_is_no_http_ends_the_connection(address):
    with connect(address) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"%x\r\n%b\r\n" % (LIMIT, bytes(LIMIT))
        connection.sendall(chunk * 2)
        assert read_answer(connection)[0] == 413
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"no chunk\r\n")
        assert read_to_end(connection) == b""


def test_a_connection_may_not_rest_for_ever_after_an_early_answer(reader):
    with (
        serving(body_length_app(reader), keep_alive_seconds=1) as address,
        connect(address) as connection,
    ):
        refused(connection)
        connection.sendall(bytes(LIMIT + 1))
        assert read_to_end(connection) == b""


def test_a_connection_with_an_early_answer_has_an_end(impatient_address):
    with connect(impatient_address) as connection:
        refused(connection)
        with pytest.raises(ConnectionError):
            while True:  # for ever, if it had none
                connection.sendall(b"a")
                time.sleep(0.05)


@pytest.mark.parametrize(
    "head, status",
    [
        (b"Connection: close\r\nContent-Length: 20000000\r\n\r\n", 413),
        (b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n", 400),
    ],
)
def test_a_refusal_is_read_by_who_sends_everything_first(address, head, status):
    assert send_large(address, HEAD + head + bytes(20 * 10**6))[0] == status
    assert answers(address)


def test_who_sends_nothing_more_after_a_refusal_is_put_out(impatient_address):
    with connect(impatient_address) as connection:
        connection.sendall(HEAD + b"X-Large: " + b"a" * MAX_HEAD_BYTES)
        connection.settimeout(0.05)
        with contextlib.suppress(ConnectionError):
            while True:  # for ever, if the time had no end
                connection.sendall(b"a")
                time.sleep(0.05)


def test_bodies_in_memory_are_bounded_together():
    async def fill():
        reader = BodyReader(10, RequestMemory(3 * 160))
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(16):
                await stack.enter_async_context(reader.read(request_of(10)))
            with pytest.raises(MemoryFullError):
                await stack.enter_async_context(reader.read(request_of(1)))
        return reader.memory.used

    assert asyncio.run(fill()) == 0


def request_of(size):
    async def receive():
        return {"type": "http.request", "body": bytes(size), "more_body": False}

    return Request({"type": "http", "headers": []}, receive)


def test_no_more_requests_are_admitted_than_may_be():
    admission = Admission(2)
    with admission.admit():
        with admission.admit(), pytest.raises(QueueFullError) as caught:
            with admission.admit():
                pass
        assert caught.value.message == (
            "The server is full; currently 2 requests are being answered and "
            "max_queued_requests is 2"
        )
        with admission.admit():
            pass
    assert admission.in_flight == 0


def test_a_server_that_admits_nobody_cannot_be_made():
    with pytest.raises(ValueError, match="Received: max_queued_requests=0"):
        Admission(0)


def test_a_deadline_ends_what_takes_longer():
    async def wait(seconds):
        async with deadline(seconds):
            await asyncio.sleep(0 if seconds is None else 3600)

    asyncio.run(wait(None))
    with pytest.raises(ServingError) as caught:
        asyncio.run(wait(0.01))
    assert (caught.value.code, caught.value.http_status) == ("DEADLINE_EXCEEDED", 504)
