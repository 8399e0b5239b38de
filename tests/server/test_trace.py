"""Request ids, trace contexts and the page of the interface, over real sockets."""

import json
import re
import time

import grpc
import httpx
import numpy as np
import pytest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from .conftest import MODELS
from .conftest import running_server
from .grpc_requests import predict_request

IDS = {
    "x-request-id": "order-17",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "access.log"


@pytest.fixture(scope="module")
def traced(log):
    with running_server(MODELS, access_log=str(log)) as server:
        yield server


def last_line(log, number_before):
    while len(lines := log.read_text().splitlines()) <= number_before:
        time.sleep(0.01)
    return json.loads(lines[-1])


def post(server, headers):
    url = f"{server.url}/v1/models/misc:predict"
    return httpx.post(url, json={"instances": [1.0]}, headers=headers, timeout=60)


def test_the_ids_of_a_request_are_in_its_answer_and_in_the_log(traced, log):
    before = len(log.read_text().splitlines())
    answer = post(traced, IDS)
    assert {name: answer.headers[name] for name in IDS} == IDS
    line = last_line(log, before)
    assert line["request_id"] == IDS["x-request-id"]
    assert line["traceparent"] == IDS["traceparent"]


def test_a_request_without_an_id_has_a_new_one(traced, log):
    before = len(log.read_text().splitlines())
    first, second = post(traced, {}), post(traced, {"x-request-id": "not valid"})
    ids = [answer.headers["x-request-id"] for answer in (first, second)]
    assert all(re.fullmatch("[0-9a-f]{32}", value) for value in ids)
    assert ids[0] != ids[1]
    assert "traceparent" not in first.headers
    assert last_line(log, before + 1)["request_id"] == ids[1]


@pytest.mark.parametrize("model", ["misc", "nope"])
def test_the_ids_of_a_call_are_in_its_answer_and_in_the_log(traced, log, model):
    before = len(log.read_text().splitlines())
    with grpc.insecure_channel(traced.grpc_address) as channel:
        call = PredictionServiceStub(channel).Predict.future(
            predict_request(model, x=np.float32([1])),
            metadata=list(IDS.items()),
            timeout=60,
        )
        metadata = dict(call.initial_metadata())
    assert {name: metadata[name] for name in IDS} == IDS
    line = last_line(log, before)
    assert line["request_id"] == IDS["x-request-id"]
    assert line["traceparent"] == IDS["traceparent"]


def test_the_page_describes_every_operation_and_needs_no_other_host(traced):
    answer = httpx.get(f"{traced.url}/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    document = httpx.get(f"{traced.url}/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}</code>" in answer.text
    assert not re.search(r"https?://|src=|<script|url\(|@import", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
