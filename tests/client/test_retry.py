"""What is tried again, how often and how long, against a scripted server."""

import email.utils
import time

import pytest

from keras_resattn_client import Client
from keras_resattn_client import ServerError
from keras_resattn_client import ServerTimeout
from keras_resattn_client import ServerUnreachable
from keras_resattn_client import retry
from tests.client.fake_server import Answer
from tests.client.fake_server import fake_server
from tests.client.ports import free_port

OVERLOADED = Answer(503, {"error": "no batch slot"})


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Go on at once where the client would wait; keep how long it would."""
    waits = []
    monkeypatch.setattr(retry, "sleep", waits.append)
    return waits


def test_503_twice_then_200_is_an_answer(waits):
    with fake_server(OVERLOADED, OVERLOADED, Answer()) as fake:
        prediction = Client(fake.url, "small").predict(b"image")
    assert len(fake.requests) == 3
    assert fake.requests[0] == fake.requests[2]
    assert prediction.top_k_labels.tolist() == [["dark", "bright"]]
    assert 0.125 <= waits[0] <= 0.25 <= waits[1] <= 0.5


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_in_seconds(waits, status):
    busy = Answer(status, {"error": "busy"}, {"Retry-After": "7"})
    with fake_server(busy, Answer()) as fake:
        Client(fake.url, "small").predict(b"image")
    assert waits == [7.0]


def test_retry_after_is_obeyed_as_a_date(waits):
    date = email.utils.formatdate(time.time() + 50, usegmt=True)
    busy = Answer(429, {"error": "busy"}, {"Retry-After": date})
    with fake_server(busy, Answer()) as fake:
        Client(fake.url, "small").predict(b"image")
    assert 0 < waits[0] <= 50


def test_a_retry_after_that_is_no_number_is_left_out(waits):
    busy = Answer(503, {"error": "busy"}, {"Retry-After": "nan"})
    with fake_server(busy, Answer()) as fake:
        Client(fake.url, "small").predict(b"image")
    assert 0.125 <= waits[0] <= 0.25


def test_a_connection_that_the_server_drops_is_tried_again(waits):
    with fake_server(Answer(drops=True), Answer()) as fake:
        prediction = Client(fake.url, "small").predict(b"image")
    assert len(fake.requests) == 2 and len(waits) == 1
    assert prediction.top_k_labels.tolist() == [["dark", "bright"]]


def test_a_server_that_always_drops_is_unreachable(waits):
    with fake_server(Answer(drops=True)) as fake:
        with pytest.raises(ServerUnreachable, match="disconnected"):
            Client(fake.url, "small", retries=2).predict(b"image")
    assert len(fake.requests) == 3


def test_a_wait_beyond_the_deadline_is_not_begun(waits):
    busy = Answer(429, {"error": "busy"}, {"Retry-After": "7"})
    with fake_server(busy) as fake, pytest.raises(ServerError, match="429: busy"):
        Client(fake.url, "small", deadline=5).predict(b"image")
    assert waits == [] and len(fake.requests) == 1


def test_the_last_error_is_raised_when_retries_are_used_up():
    with fake_server(OVERLOADED) as fake, pytest.raises(ServerError) as raised:
        Client(fake.url, "small", retries=2).predict(b"image")
    assert len(fake.requests) == 3
    assert (raised.value.status, raised.value.message) == (503, "no batch slot")


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 501, 504])
def test_other_errors_are_raised_at_once(status):
    with fake_server(Answer(status, {"error": "no"})) as fake:
        with pytest.raises(ServerError) as raised:
            Client(fake.url, "small").predict(b"image")
    assert len(fake.requests) == 1
    assert raised.value.status == status
    assert str(raised.value).endswith(f"Received: {fake.url}/v1/models/small:predict")


def test_a_server_that_hangs_is_a_timeout_and_not_asked_again():
    with fake_server(Answer(hangs=True)) as fake:
        with pytest.raises(ServerTimeout, match="longer timeout") as raised:
            Client(fake.url, "small", timeout=0.2).predict(b"image")
    assert len(fake.requests) == 1
    assert fake.url in str(raised.value)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_closed_port_is_named_with_the_remedy(waits, scheme):
    url = f"{scheme}://127.0.0.1:{free_port()}"
    with pytest.raises(ServerUnreachable, match="keras-resattn serve") as raised:
        Client(url, "small", retries=2).predict(b"image")
    assert url in str(raised.value)
    assert len(waits) == 2


def test_a_host_that_no_one_knows_is_not_asked_again(waits):
    with pytest.raises(ServerUnreachable, match="host.invalid"):
        Client("http://host.invalid:8501", "small").predict(b"image")
    assert waits == []


def test_an_answer_that_is_no_json_is_an_error():
    with fake_server(Answer(200, ["proxy"])) as fake:
        with pytest.raises(ServerError, match="not a JSON object"):
            Client(fake.url, "small").predict(b"image")


def test_the_key_is_sent(monkeypatch):
    with fake_server(Answer()) as fake:
        Client(fake.url, "small", api_key="secret").predict(b"image")
        monkeypatch.setenv("KERAS_RESATTN_API_KEY", "from the environment")
        Client(fake.url, "small").predict(b"image")
    keys = [headers["Authorization"] for _, headers, _ in fake.requests]
    assert keys == ["Bearer secret", "Bearer from the environment"]
