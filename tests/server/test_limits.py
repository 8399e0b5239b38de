"""Slow, large and too many requests, against a server of nothing but the limits."""

import asyncio
import contextlib
import json
import threading
import time

import pytest
from starlette.requests import Request

from keras_resattn_server.rest.request_body import BodyReader
from keras_resattn_server.running.limits import MAX_HEAD_BYTES
from keras_resattn_server.running.limits import Admission
from keras_resattn_server.running.limits import MemoryFullError
from keras_resattn_server.running.limits import QueueFullError
from keras_resattn_server.running.limits import RequestMemory
from keras_resattn_server.running.limits import deadline
from keras_resattn_server.wire.status import ServingError

from .limits_server import HEAD
from .limits_server import LIMIT
from .limits_server import answers
from .limits_server import connect
from .limits_server import read_answer
from .limits_server import read_to_end


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
