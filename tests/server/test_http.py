"""What browsers, proxies and simple clients send, over real sockets."""

import base64
import gzip
import http.client
import json
import math
import socket
import zlib
from pathlib import Path

import grpc
import pytest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from .grpc_requests import predict_request

PNG = (Path(__file__).parents[2] / "docs" / "ankle_boot.png").read_bytes()
PREDICT = "/v1/models/misc:predict"
BODY = b'{"instances": [1.0]}'
HEAD = b"POST /v1/models/misc:predict HTTP/1.1\r\nHost: x\r\n"


def exchange(server_url, data, half_close=False):
    """Send bytes, and return everything until the server closes the connection."""
    host, port = server_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(data)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
    return received


def json_of(received):
    return json.loads(received.partition(b"\r\n\r\n")[2])


def test_bytes_that_a_kernel_quotes_are_a_fault_of_the_client(client):
    body = {
        "signature_name": "classify_examples",
        "instances": [{"b64": base64.b64encode(PNG).decode()}],
    }
    answer = client.post("/v1/models/clf:predict", json=body)
    assert answer.status_code == 400
    assert "Could not parse example" in answer.json()["error"]
    assert len(answer.content) < 20_000


def test_bytes_that_a_kernel_quotes_are_a_fault_of_the_grpc_client(channel):
    request = predict_request("clf", "classify_examples", inputs=[PNG])
    call = PredictionServiceStub(channel).Predict.future(request, timeout=60)
    assert call.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "encoding, compress",
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress)],
)
def test_a_compressed_body_is_read(client, encoding, compress):
    headers = {"content-encoding": encoding}
    answer = client.post(PREDICT, content=compress(BODY), headers=headers)
    assert answer.json() == client.post(PREDICT, content=BODY).json()
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "encoding, body, status, message",
    [
        ("br", BODY, 415, "Content-Encoding: br"),
        ("gzip", BODY, 400, "not valid gzip data"),
        ("gzip", gzip.compress(BODY)[:-9], 400, "does not end"),
        ("gzip", gzip.compress(bytes(65 * 2**20)), 413, "larger than 67108864 bytes"),
        ("deflate", zlib.compress(bytes(65 * 2**20)), 413, "larger than"),
    ],
    ids=["br", "not gzip", "cut off", "gzip bomb", "deflate bomb"],
)
def test_another_compression_is_refused(client, encoding, body, status, message):
    headers = {"content-encoding": encoding}
    answer = client.post(PREDICT, content=body, headers=headers)
    assert answer.status_code == status
    assert message in answer.json()["error"]


def test_numbers_beyond_float32_are_taken(client):
    body = {"signature_name": "scal", "inputs": [123456789, 123456789]}
    assert client.post(PREDICT, json=body).json() == {"outputs": 123456792.0}
    body = {"signature_name": "scal", "inputs": [1e39, 0.0]}
    assert client.post(PREDICT, json=body).json() == {"outputs": math.inf}


def test_options_of_a_browser_is_answered(client):
    headers = {"origin": "http://example.org", "access-control-request-method": "POST"}
    answer = client.options(PREDICT, headers=headers)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", [PREDICT, "/healthz"])
def test_options_of_others_is_refused_in_words(client, path):
    answer = client.options(path)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(f"Received: OPTIONS {path}")


def test_long_values_are_shortened_in_errors(client):
    text = "a" * 10_000
    for path, body in (
        (PREDICT, {"instances": text}),
        (PREDICT, {"instances": [1.0], "signature_name": text}),
        (PREDICT, {"instances": [{text: 1.0}]}),
        (PREDICT, {"instances": [1.0], "x": [0] * 10_000, "inputs": []}),
        (f"/v1/models/{text}:predict", {"instances": [1.0]}),
        (f"/v1/models/misc/labels/{text}:predict", {"instances": [1.0]}),
        (f"/v2/{text}", {}),
        (
            "/v1/models/clf:predict",
            {"signature_name": "classify_examples", "instances": [f"{text} {text}"]},
        ),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code in (400, 404)
        assert "a" * 50 in answer.text or "0, 0" in answer.text
        assert len(answer.text) < 500


def test_instances_that_are_one_text_are_answered_with_the_remedy(client):
    body = {"instances": base64.b64encode(PNG).decode()}
    message = client.post("/v1/models/clf:predict", json=body).json()["error"]
    assert 'Send a list, for an image {"instances": [{"b64": "..."}]}.' in message


def test_a_half_closed_request_is_answered(server_url):
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    received = exchange(server_url, request, half_close=True)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert "predictions" in json_of(received)


@pytest.mark.parametrize("sent", [b"", HEAD, HEAD + b"Content-Length: 9\r\n\r\n{"])
def test_a_half_closed_part_of_a_request_is_not_awaited(server_url, sent):
    assert exchange(server_url, sent, half_close=True) == b""


@pytest.mark.parametrize(
    "request_head, message",
    [
        (
            HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "both Content-Length and Transfer-Encoding",
        ),
        (HEAD + b"X-Smuggled: 1\nContent-Length: 0\r\n\r\n", "bare LF"),
        (b"GET /healthz HTTP/1.1\nHost: x\n\n", "bare LF"),
        (b"no HTTP at all\r\n\r\n", "Reason: illegal request line"),
        (
            HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
            "Reason: conflicting Content-Length headers.",
        ),
    ],
)
def test_ambiguous_requests_are_refused_in_json(server_url, request_head, message):
    received = exchange(server_url, request_head + b"0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert received.count(b"HTTP/1.1") == 1
    assert message in json_of(received)["error"]


@pytest.mark.parametrize(
    "request_head, status, message",
    [
        (
            HEAD.replace(b"HTTP/1.1", b"HTTP/1.0")
            + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
            b"400",
            "HTTP 1.0 must not have Transfer-Encoding",
        ),
        (
            HEAD.replace(b"HTTP/1.1", b"HTTP/3.7") + b"\r\n",
            b"505",
            "Received: HTTP/3.7",
        ),
    ],
)
def test_other_versions_of_http_are_refused(server_url, request_head, status, message):
    received = exchange(server_url, request_head + b"0\r\n\r\n")
    assert received.split()[1] == status
    assert message in json_of(received)["error"]


def test_the_standard_library_can_read_the_refusal_of_a_large_body(server_url):
    connection = http.client.HTTPConnection(server_url.removeprefix("http://"))
    connection.request("POST", PREDICT, bytes(70 * 2**20))
    answer = connection.getresponse()
    assert answer.status == 413
    assert "larger than" in json.loads(answer.read())["error"]


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_an_image_as_base64_text_is_answered_with_the_remedy(client, prefix):
    text = prefix + base64.b64encode(PNG).decode()
    body = {"signature_name": "serving_bytes", "instances": [text]}
    answer = client.post("/v1/models/clf:predict", json=body)
    assert answer.status_code == 400
    assert 'Send {"b64": "..."} instead' in answer.json()["error"]
    assert "Element 0 of input image_bytes" in answer.json()["error"]
    assert "{{node" not in answer.json()["error"]


def test_a_data_url_as_base64_is_answered_with_the_remedy(client):
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    body = {"signature_name": "serving_bytes", "instances": [{"b64": url}]}
    answer = client.post("/v1/models/clf:predict", json=body)
    assert answer.status_code == 400
    assert 'Leave out "data:...;base64,"' in answer.json()["error"]


@pytest.mark.parametrize("target", [b"*", b"http://x/nothing"])
def test_a_target_that_is_no_path_is_refused_in_json(server_url, target):
    request = b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target
    received = exchange(server_url, request)
    assert received.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert "Not found" in json_of(received)["error"]


def test_the_models_are_listed(client):
    models = client.get("/v1/models").json()["models"]
    listed = {model.pop("name"): model for model in models}
    assert listed.keys() >= {"clf", "misc"}
    assert listed["clf"] == client.get("/v1/models/clf").json()


def test_a_grpc_request_without_a_model_name_is_invalid(channel):
    service = PredictionServiceStub(channel)
    call = service.Predict.future(predict_request(""), timeout=60)
    assert call.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert call.details() == "ModelSpec has no name specified."


@pytest.mark.parametrize(
    "size, code",
    [
        (60_000, grpc.StatusCode.INVALID_ARGUMENT),
        (70_000, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_metadata_has_the_same_limit_as_headers(channel, size, code):
    method = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    for _ in range(5):  # gRPC's own limit refuses some calls at random
        call = method.future(b"", metadata=[("x-large", "a" * size)], timeout=60)
        assert call.code() is code


def test_a_message_that_is_not_the_methods_is_refused(channel):
    method = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    call = method.future(b"\xff no message", timeout=60)
    assert call.code() is grpc.StatusCode.INTERNAL
