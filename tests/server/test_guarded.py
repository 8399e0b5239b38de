"""A server with API keys, TLS, an access log and metrics, over real sockets."""

import json
import socket
import ssl
import time

import grpc
import httpx
import numpy as np
import pytest
import trustme
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from .conftest import MODELS
from .conftest import running_server
from .grpc_requests import predict_request

KEY = "5e13f0a7c4"
METRICS = "/own/metrics"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, authority):
    """The files that the server's options name."""
    folder = tmp_path_factory.mktemp("guarded")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "keys").touch(mode=0o600)
    (folder / "keys").write_text(f"{KEY}\nanother-key\n")
    config = f'prometheus_config {{ enable: true path: "{METRICS}" }}'
    (folder / "monitoring.config").write_text(config)
    return folder


@pytest.fixture(scope="module")
def guarded(folder):
    with running_server(
        MODELS,
        tls_certificate=str(folder / "certificate.pem"),
        tls_key=str(folder / "key.pem"),
        api_key_file=str(folder / "keys"),
        access_log=str(folder / "access.log"),
        monitoring_config_file=str(folder / "monitoring.config"),
    ) as server:
        yield server


@pytest.fixture
def client(guarded, authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with httpx.Client(base_url=guarded.url, verify=context, timeout=60) as client:
        yield client


@pytest.fixture
def channel(guarded, authority):
    credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    with grpc.secure_channel(guarded.grpc_address, credentials) as channel:
        yield channel


@pytest.fixture
def log(folder):
    """Waits for the lines of a protocol that the access log gets from now on: the
    client may have its answer before the log has its line."""
    start = len((folder / "access.log").read_text())

    def since(protocol):
        while True:
            text = (folder / "access.log").read_text()[start:].rpartition("\n")[0]
            lines = [json.loads(line) for line in text.splitlines()]
            if found := [line for line in lines if line["protocol"] == protocol]:
                return found
            time.sleep(0.01)

    return since


def post(client, body, model="misc", **headers):
    return client.post(f"/v1/models/{model}:predict", json=body, headers=headers)


@pytest.mark.parametrize(
    "headers, status",
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"x-api-key": "wrong"}, 401),
        ({"authorization": f"Bearer {KEY}"}, 200),
        ({"x-api-key": "another-key"}, 200),
    ],
)
def test_rest_asks_for_a_key(client, log, headers, status):
    answer = post(client, {"instances": [1.0]}, **headers)
    assert answer.status_code == status
    if status == 401:
        assert "x-api-key" in answer.json()["error"]
        assert answer.headers["www-authenticate"] == "Bearer"
    (line,) = log("REST")
    assert (line["protocol"], line["status"]) == ("REST", status)
    assert KEY not in json.dumps(line)


@pytest.mark.parametrize("path", ["/v1/models/clf", METRICS, "/openapi.json"])
def test_every_url_but_health_asks_for_a_key(client, path):
    assert client.get(path).status_code == 401
    assert client.get(path, headers={"x-api-key": KEY}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_urls_ask_for_no_key(client, path):
    assert client.get(path).text == "ok"


@pytest.mark.parametrize(
    "metadata, code",
    [
        ([], "UNAUTHENTICATED"),
        ([("x-api-key", "wrong")], "UNAUTHENTICATED"),
        ([("x-api-key", KEY)], "OK"),
        ([("authorization", f"Bearer {KEY}")], "OK"),
    ],
)
def test_grpc_asks_for_a_key(channel, log, metadata, code):
    call = PredictionServiceStub(channel).Predict.future(
        predict_request("misc", x=np.float32([1])), metadata=metadata, timeout=60
    )
    assert call.code().name == code
    (line,) = log("gRPC")
    assert (line["protocol"], line["method"]) == ("gRPC", "Predict")
    assert line["status"] == code
    version = 7 if code == "OK" else None
    assert (line["model"], line["version"]) == (version and "misc", version)


def test_the_grpc_health_service_asks_for_no_key(channel):
    answer = health_pb2_grpc.HealthStub(channel).Check(
        health_pb2.HealthCheckRequest(), timeout=60
    )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_log_tells_what_was_asked_and_how_it_was_answered(client, log):
    body, headers = {"instances": [1.0, 2.0]}, {"x-api-key": KEY}
    answer = post(client, body, "misc/versions/7", **headers)
    (line,) = log("REST")
    assert line.pop("milliseconds") > 0
    assert line.pop("time")
    assert line.pop("request_id") == answer.headers["x-request-id"]
    assert line == {
        "protocol": "REST",
        "method": "POST",
        "path": "/v1/models/misc/versions/7:predict",
        "status": 200,
        "request_bytes": len(answer.request.content),
        "response_bytes": len(answer.content),
        "model": "misc",
        "version": 7,
    }


def test_without_tls_nothing_is_answered(guarded, client):
    address = guarded.url.removeprefix("https://").split(":")
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(grpc.RpcError):
            with grpc.insecure_channel(guarded.grpc_address) as insecure:
                stub = PredictionServiceStub(insecure)
                stub.Predict(predict_request("misc", x=np.float32([1])), timeout=5)
        assert b"200" not in connection.recv(4096)
    assert client.get("/healthz").text == "ok"


def test_metrics_count_requests_of_both_protocols(client, channel):
    headers = {"x-api-key": KEY}
    before = metrics(client)
    post(client, {"instances": [1.0]}, **headers)
    post(client, {"instances": ["text"]}, **headers)
    post(client, {"instances": [1.0]}, "nobody-has-this-model", **headers)
    stub = PredictionServiceStub(channel)
    stub.Predict(
        predict_request("misc", x=np.float32([1])),
        metadata=list(headers.items()),
        timeout=60,
    )
    after = metrics(client)

    def more(name, labels):
        key = f":tensorflow:serving:{name}{{{labels}}}"
        return after[key] - before.get(key, 0)

    assert more("request_count", 'model_name="misc",status="OK"') == 2
    assert more("request_count", 'model_name="misc",status="INVALID_ARGUMENT"') == 1
    assert more("request_count", 'model_name="",status="NOT_FOUND"') == 1
    assert "nobody-has-this-model" not in "".join(after)
    for api, entrypoint, count in (("predict", "REST", 2), ("Predict", "GRPC", 1)):
        labels = f'API="{api}",entrypoint="{entrypoint}",model_name="misc"'
        assert more("request_latency_count", labels) == count
    labels = 'API="Predict",model_name="misc",runtime="TF2"'
    assert more("runtime_latency_count", labels) == 2
    path = MODELS / "misc" / "7"
    loads = f':tensorflow:cc:saved_model:load_attempt_count{{model_path="{path}"'
    assert after[f'{loads},status="success"}}'] == 1
    assert after["keras_resattn_requests_in_flight"] == 0


def metrics(client):
    text = client.get(METRICS, headers={"x-api-key": KEY}).text
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (x.rpartition(" ") for x in lines)}


def test_the_openapi_document_asks_for_the_key(client):
    document = client.get("/openapi.json", headers={"x-api-key": KEY}).json()
    operation = document["paths"]["/v1/models/misc:predict"]["post"]
    assert operation["security"] == [{"bearer": []}, {"key": []}]
