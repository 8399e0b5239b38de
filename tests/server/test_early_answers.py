"""Requests that are answered before they are read, and what their connections do."""

import contextlib
import json
import time

import pytest

from keras_resattn_server.running.limits import MAX_HEAD_BYTES

from .limits_server import HEAD
from .limits_server import LIMIT
from .limits_server import answers
from .limits_server import body_length_app
from .limits_server import connect
from .limits_server import read_answer
from .limits_server import read_to_end
from .limits_server import serving


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
