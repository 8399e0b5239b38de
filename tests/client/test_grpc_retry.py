"""What is tried again over gRPC, against a scripted server."""

import pytest

from keras_resattn_client import Client
from keras_resattn_client import ServerError
from keras_resattn_client import ServerTimeout
from keras_resattn_client import retry
from tests.client.fake_grpc_server import fake_grpc_server


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Go on at once where the client would wait; keep how long it would."""
    waits = []
    monkeypatch.setattr(retry, "sleep", waits.append)
    return waits


def ask(port, **options):
    with Client(f"127.0.0.1:{port}", "small", **options) as client:
        return client.predict(b"image")


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_a_server_that_is_busy_twice_is_asked_again(waits, code):
    busy = (code, "busy")
    with fake_grpc_server(busy, busy, "OK") as (port, servicer):
        prediction = ask(port)
    assert prediction.top_k_labels.tolist() == [["dark", "bright"]]
    assert len(servicer.requests) == 3
    assert 0.125 <= waits[0] <= 0.25 <= waits[1] <= 0.5


def test_the_servers_wish_to_wait_is_obeyed(waits):
    busy = ("UNAVAILABLE", "busy", ("grpc-retry-pushback-ms", "7000"))
    with fake_grpc_server(busy, "OK") as (port, _):
        ask(port)
    assert waits == [7.0]


def test_the_last_error_is_raised_when_retries_are_used_up():
    with fake_grpc_server(("UNAVAILABLE", "busy")) as (port, servicer):
        with pytest.raises(ServerError, match="UNAVAILABLE: busy") as raised:
            ask(port, retries=2)
    assert len(servicer.requests) == 3
    assert (raised.value.status, raised.value.message) == ("UNAVAILABLE", "busy")


@pytest.mark.parametrize(
    "answer",
    [
        ("INVALID_ARGUMENT", "no"),
        ("NOT_FOUND", "no"),
        ("INTERNAL", "no"),
        ("UNAUTHENTICATED", "no"),
        ("RESOURCE_EXHAUSTED", "Received message larger than max (9 vs. 8)"),
    ],
)
def test_other_errors_are_raised_at_once(waits, answer):
    with fake_grpc_server(answer) as (port, servicer):
        with pytest.raises(ServerError) as raised:
            ask(port)
    assert raised.value.status == answer[0]
    assert len(servicer.requests) == 1 and waits == []


def test_a_server_that_hangs_is_a_timeout_and_not_asked_again():
    with fake_grpc_server("HANG") as (port, servicer):
        with pytest.raises(ServerTimeout, match=f"127.0.0.1:{port}"):
            ask(port, timeout=0.5)
    assert len(servicer.requests) == 1


def test_the_key_is_sent():
    with fake_grpc_server("OK") as (port, servicer):
        ask(port, api_key="secret")
    assert servicer.requests[0][1]["authorization"] == "Bearer secret"
