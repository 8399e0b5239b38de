import contextlib
import gzip
import json
import random
import socket
import ssl

import httpx
import pytest

from tests.server.conftest import MODELS
from tests.server.conftest import running_server
from tests.server.conftest import wait_until

from .conftest import https_client
from .conftest import running_gateway

pytestmark = pytest.mark.needs_system_tools

PREDICT = "/v1/models/clf:predict"
MAX_DEPTH = 32
LEVELS = 50_000
DEEP = {
    "arrays": b'{"instances":' + b"[" * LEVELS + b"0.5" + b"]" * LEVELS + b"}",
    "objects": b'{"a":' * LEVELS + b"1" + b"}" * LEVELS,
    "second elements": b"[1," * LEVELS + b"1" + b"]" * LEVELS,
    "never closed": b"[" * LEVELS,
    "after an escaped quote": rb'{"a\"":' + b"[" * LEVELS + b'"',
    "after an escaped backslash": rb'{"a\\":' + b"[" * LEVELS + b'"',
    "after half a character": b'{"a\xc3":' + b"[" * LEVELS + b'"',
    "after a zero byte": b'{"a\0":' + b"[" * LEVELS + b'"',
    "after a byte order mark": b"\xef\xbb\xbf" + b"[" * LEVELS,
    "one level too many": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
}
SHALLOW = {
    "the deepest allowed": b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
    "brackets in a string": b'{"instances": ["' + b"[" * LEVELS + b'"]}',
    "side by side": b'{"instances": [' + b"[1]," * LEVELS + b"[1]]}",
    "several megabytes": b'{"instances": ["' + b"A" * 7_000_000 + b'"]}',
}


@contextlib.contextmanager
def tls_connection(port, certificates):
    context = ssl.create_default_context(cafile=certificates / "ca.crt")
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            yield connection


def in_chunks(body):
    yield body[:1000]
    yield body[1000:]


@pytest.mark.parametrize("path", [PREDICT, "/v1/models/c%20f/versions/2:CLASSIFY"])
def test_inference_passes_unchanged(gateway, upstream, path):
    body = b'{"instances": [[1.0, NaN]]}'
    assert gateway.post(path, content=body).status_code == 200
    ((method, seen_path, _, seen_body),) = upstream.seen
    assert (method, seen_path, seen_body) == ("POST", path, body)


@pytest.mark.parametrize("path", ["", "/versions/2", "/labels/stable/metadata"])
def test_status_and_metadata_pass(gateway, upstream, path):
    assert gateway.get(f"/v1/models/clf{path}").status_code == 200
    ((method, seen_path, *_),) = upstream.seen
    assert (method, seen_path) == ("GET", f"/v1/models/clf{path}")


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in chunks"])
@pytest.mark.parametrize("kind", DEEP)
def test_deep_json_does_not_reach_the_server(gateway, upstream, kind, whole):
    body = DEEP[kind] if whole else in_chunks(DEEP[kind])
    response = gateway.post(PREDICT, content=body)
    assert response.status_code == 400
    assert response.json() == {"error": "The JSON is nested deeper than 32 levels."}
    assert upstream.seen == []


@pytest.mark.parametrize("kind", SHALLOW)
def test_shallow_json_passes_whatever_its_size(gateway, upstream, kind):
    assert gateway.post(PREDICT, content=SHALLOW[kind]).status_code == 200
    assert upstream.seen[0][3] == SHALLOW[kind]


def depth_of(body):
    """The depth of JSON read byte by byte, as simply as can be."""
    depth = deepest = 0
    inside = escaped = False
    for byte in body:
        character = chr(byte)
        if inside:
            inside = escaped or character != '"'
            escaped = not escaped and character == "\\"
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            deepest = max(depth, deepest)
        elif character in "]}":
            depth -= 1
    return deepest


def test_depth_is_that_of_a_plain_reader_on_random_bytes(gateway):
    draw = random.Random(0)
    refused = 0
    for _ in range(300):
        letters = draw.choices(
            '[{]}"\\\xc3\xff1,', (9, 9, 2, 2, 2, 2, 1, 1, 2, 2), k=130
        )
        body = "".join(letters).encode("latin-1")
        too_deep = depth_of(body) > MAX_DEPTH
        status = gateway.post(PREDICT, content=body).status_code
        assert status == (400 if too_deep else 200), body
        refused += too_deep
    assert 50 < refused < 250


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in chunks"])
def test_a_large_body_is_refused_before_the_server(gateway, upstream, whole):
    body = b" " * (8 * 1024 * 1024 + 1)
    response = gateway.post(PREDICT, content=body if whole else in_chunks(body))
    assert response.status_code == 413
    assert response.json()["error"] == "The request's body is larger than 8 MiB."
    assert upstream.seen == []


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", "identity, gzip"])
def test_gzip_cannot_carry_deep_json_past_the_check(gateway, upstream, encoding):
    body = gzip.compress(DEEP["arrays"])
    headers = {"Content-Encoding": encoding}
    response = gateway.post(PREDICT, content=body, headers=headers)
    assert response.status_code == 415
    assert response.json() == {"error": "Compressed requests are not accepted."}
    assert upstream.seen == []


def test_no_body_is_a_bad_request(gateway, upstream):
    response = gateway.post(PREDICT)
    assert response.status_code == 400
    assert response.json() == {"error": "The request has no body."}
    assert upstream.seen == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/monitoring/prometheus/metrics", 404),
        ("POST", "/monitoring/prometheus/metrics", 404),
        ("POST", "/v1/models/clf:predict/", 404),
        ("POST", "/v1/models/clf:nonsense", 404),
        ("POST", "/v1/models/clf", 405),
        ("PUT", PREDICT, 405),
        ("GET", PREDICT, 405),
    ],
)
def test_nothing_else_reaches_the_server(gateway, upstream, method, path, status):
    response = gateway.request(method, path, content=DEEP["arrays"])
    assert response.status_code == status
    assert "error" in response.json()
    assert upstream.seen == []


def test_the_body_of_a_status_request_stays_outside(gateway, upstream):
    assert gateway.request("GET", "/v1/models/clf", content=b"[[").status_code == 200
    assert upstream.seen[0][3] == b""


def test_only_tls_is_spoken(gateway_port, upstream):
    response = httpx.get(f"http://127.0.0.1:{gateway_port}/v1/models/clf")
    assert response.status_code == 400
    assert "plain HTTP request was sent to HTTPS port" in response.text
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", gateway_port)) as connection:
        with pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(connection, server_hostname="127.0.0.1")
    assert upstream.seen == []


@pytest.mark.parametrize(
    "begun",
    [
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n[",
    ],
    ids=["headers", "body"],
)
def test_a_client_that_stalls_is_cut(gateway_port, upstream, certificates, begun):
    with tls_connection(gateway_port, certificates) as connection:
        connection.sendall(begun)
        while connection.recv(4096):  # until the gateway closes
            pass
    assert upstream.seen == []


def test_too_many_requests_are_told_so(tmp_path, upstream, certificates):
    changes = [("rate=50r/s", "rate=1r/m"), ("burst=100", "burst=2")]
    with (
        running_gateway(
            tmp_path, certificates, upstream.server_port, changes=changes
        ) as port,
        https_client(port, certificates) as client,
    ):
        answers = [client.get("/v1/models/clf") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["error"].startswith("Too many requests")


@pytest.mark.parametrize("limit", ["connections 32", "everything 96"])
def test_requests_under_way_are_counted(tmp_path, upstream, certificates, limit):
    changes = [(f"limit_conn {limit}", f"limit_conn {limit.split()[0]} 1")]
    begun = (
        b"POST /v1/models/m:predict HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    with (
        running_gateway(
            tmp_path, certificates, upstream.server_port, changes=changes
        ) as port,
        https_client(port, certificates) as client,
        tls_connection(port, certificates) as connection,
    ):
        connection.sendall(begun)
        assert connection.recv(4096).startswith(b"HTTP/1.1 100")
        assert client.get("/v1/models/clf").status_code == 429
        connection.sendall(b"{}")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        # nginx counts a request until after its answer is sent.
        wait_until(lambda: client.get("/v1/models/clf").status_code == 200)


def test_a_server_that_is_away_is_unavailable(tmp_path, certificates):
    with (
        running_gateway(tmp_path, certificates, rest_port=1) as port,
        https_client(port, certificates) as client,
    ):
        assert client.get("/healthz").status_code == 200
        response = client.post(PREDICT, content=b"{}")
    assert response.status_code == 503
    assert response.json() == {"error": "The model server does not answer."}


def test_the_embedded_server_answers_through_it(tmp_path, certificates):
    request = {"instances": [1.0, 2.0]}
    with running_server(MODELS) as server:
        direct = httpx.post(f"{server.url}/v1/models/misc:predict", json=request)
        with (
            running_gateway(
                tmp_path, certificates, server.url.rsplit(":", 1)[1]
            ) as port,
            https_client(port, certificates) as client,
        ):
            through = client.post("/v1/models/misc:predict", json=request)
            status = client.get("/v1/models/misc")
    assert through.status_code == direct.status_code
    assert through.content == direct.content
    assert "AVAILABLE" in json.dumps(status.json())
