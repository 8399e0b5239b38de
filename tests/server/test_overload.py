"""A server with batching and a short queue: what floods and malformed requests do."""

import asyncio
import base64
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from .conftest import MODELS
from .conftest import SECONDS_OF_STEPS
from .conftest import running_server
from .grpc_requests import predict_request

QUEUE = 64
# Of the `slow` signature: about a tenth of a second. The server must be slower than the
# clients, also where they have to share its cores.
SOME_STEPS = 60.0
BATCHING = """
max_batch_size { value: 8 }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 1000 }
num_batch_threads { value: 2 }
"""


def png(size=8):
    pixels = np.zeros((size, size, 3), "uint8")
    return tf.io.encode_png(pixels).numpy()


def base64_of(data):
    return {"b64": base64.b64encode(data).decode()}


IMAGE = np.zeros((8, 8, 3)).tolist()
TRUNCATED = tf.io.encode_jpeg(np.zeros((64, 64, 3), "uint8")).numpy()[:300]
BYTES = "serving_bytes"
# Signature of `clf` and instances: shapes, types and bytes that do not fit.
MALFORMED = {
    "a vector": ("", [[1.0, 2.0]]),
    "a scalar": ("", [1.0]),
    "a matrix": ("", [[[1.0, 2.0], [3.0, 4.0]]]),
    "another size": ("", [np.zeros((9, 8, 3)).tolist()]),
    "four channels": ("", [np.zeros((8, 8, 4)).tolist()]),
    "one dimension more": ("", [[IMAGE]]),
    "ragged rows": ("", [[[[1.0, 2.0, 3.0]] * 8] * 7 + [[[1.0, 2.0, 3.0]] * 7]]),
    "text": ("", ["cat"]),
    "no image": (BYTES, [base64_of(b"no image")]),
    "no base64": (BYTES, [{"b64": "!!!!"}]),
    "a truncated JPEG": (BYTES, [base64_of(TRUNCATED)]),
    "no bytes": (BYTES, [base64_of(b"")]),
}


@pytest.fixture(scope="module")
def batching(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batching")
    (folder / "batching.config").write_text(BATCHING)
    return {"batching_parameters_file": str(folder / "batching.config")}


@pytest.fixture(scope="module")
def busy(batching):
    with running_server(MODELS, max_queued_requests=QUEUE, **batching) as server:
        yield server


@pytest.fixture
def client(busy):
    with httpx.Client(base_url=busy.url, timeout=120) as client:
        yield client


@pytest.fixture
def service(busy):
    with grpc.insecure_channel(busy.grpc_address) as channel:
        yield PredictionServiceStub(channel)


@pytest.fixture(autouse=True)
def server_lives_on(busy):
    yield
    url = f"{busy.url}/v1/models/clf:predict"
    assert httpx.post(url, json={"instances": [IMAGE]}, timeout=120).status_code == 200
    assert busy.process.poll() is None


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_request_fails_alone_among_good_ones(client, case):
    signature, instances = MALFORMED[case]
    good = IMAGE if not signature else base64_of(png())

    def ask(instances):
        body = {"signature_name": signature, "instances": instances}
        return client.post("/v1/models/clf:predict", json=body)

    with ThreadPoolExecutor(8) as threads:
        bodies = [[good], instances, [good], instances, [good], [good]]
        answers = list(threads.map(ask, bodies))
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 400, 200, 400, 200, 200]
    assert answers[1].json()["error"]
    assert "Traceback" not in answers[1].text


@pytest.mark.parametrize(
    "inputs",
    [
        {"image": np.float32([[1, 2]])},
        {"image": np.float32(1)},
        {"image": np.zeros((1, 8, 8, 4), "float32")},
        {"image": np.zeros((1, 1, 8, 8, 3), "float32")},
        {"image": np.zeros((1, 8, 8, 3), "float64")},
        {"image": [b"bytes"]},
        {"other": np.zeros((1, 8, 8, 3), "float32")},
    ],
)
def test_a_malformed_grpc_request_is_an_invalid_argument(service, inputs):
    call = service.Predict.future(predict_request("clf", **inputs), timeout=120)
    assert call.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"b64":'])
@pytest.mark.parametrize("depth", [50_000, 1_000_000])
def test_json_of_any_depth_is_refused(client, opening, depth):
    body = b'{"instances": ' + opening * depth
    answer = client.post("/v1/models/misc:predict", content=body)
    assert answer.status_code == 400


def test_batches_give_each_client_its_own_answer(client):
    def square(number):
        inputs = {"a": [[number, number]] * 2, "b": [number] * 2}
        body = {"signature_name": "two", "inputs": inputs}
        return client.post("/v1/models/misc:predict", json=body).json()

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(square, range(100)))
    assert [answer["outputs"]["b2"] for answer in answers] == [
        [2 * number] * 2 for number in range(100)
    ]
    text = client.get("/monitoring/prometheus/metrics").text
    prefix = ":tensorflow:serving:batching_session:"
    values = dict(line.rsplit(" ", 1) for line in text.splitlines())
    batches = float(values[f"{prefix}wrapped_run_count"])
    requests = float(values[f"{prefix}input_batch_size_count"])
    assert 0 < batches < requests


def test_a_request_larger_than_a_batch_is_refused(client):
    body = {"instances": [1.0] * 9}
    answer = client.post("/v1/models/misc:predict", json=body)
    assert answer.status_code == 400
    message = "Task size 9 is larger than maximum input batch size 8"
    assert answer.json() == {"error": message}


def test_a_signature_that_gives_no_batch_is_run_alone(client):
    body = {"signature_name": "scal", "inputs": [1.0, 3.0]}
    answer = client.post("/v1/models/misc:predict", json=body)
    assert answer.json() == {"outputs": 2.0}


def test_a_grpc_deadline_ends_the_wait(service):
    slow = predict_request("misc", "slow", x=np.float32([SECONDS_OF_STEPS]))
    call = service.Predict.future(slow, timeout=0.2)
    assert call.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def flood(url, clients):
    """Asks once from each of so many clients at a time; tells what they got."""
    body = {"signature_name": "slow", "instances": [SOME_STEPS]}
    limits = httpx.Limits(max_connections=None)

    async def ask(client):
        answer = await client.post("/v1/models/misc:predict", json=body)
        assert "retry-after" in answer.headers or answer.status_code == 200
        return answer.status_code

    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=600) as client:
        return Counter(await asyncio.gather(*(ask(client) for _ in range(clients))))


@pytest.mark.parametrize("clients", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_one_of_too_many_clients_is_answered(busy, clients):
    statuses = asyncio.run(flood(busy.url, clients))
    assert statuses.keys() == {200, 429}
    assert statuses[200] >= QUEUE
    assert statuses.total() == clients


def test_every_one_of_too_many_grpc_calls_is_answered(service):
    request = predict_request("misc", "slow", x=np.float32([SOME_STEPS]))
    calls = [service.Predict.future(request, timeout=600) for _ in range(200)]
    codes = Counter(call.code().name for call in calls)
    assert codes.keys() == {"OK", "UNAVAILABLE"}
    assert codes["OK"] >= QUEUE


def test_sigterm_leaves_no_request_in_a_batch_unanswered(batching):
    with running_server(MODELS / "misc", **batching) as server:
        body = {"signature_name": "slow", "instances": [SECONDS_OF_STEPS / 60]}

        def ask(_):
            url = f"{server.url}/v1/models/misc:predict"
            return httpx.post(url, json=body, timeout=120).status_code

        with ThreadPoolExecutor(24) as threads:
            answers = [threads.submit(ask, number) for number in range(24)]
            wait_for_requests(server.url, 24)
            server.process.send_signal(signal.SIGTERM)
            assert Counter(answer.result() for answer in answers) == {200: 24}
        assert server.process.wait(timeout=60) == 0


def wait_for_requests(url, number):
    """Until so many requests are being answered, or are answered already."""
    while True:
        text = httpx.get(f"{url}/monitoring/prometheus/metrics", timeout=60).text
        values = dict(line.rsplit(" ", 1) for line in text.splitlines())
        done = values.get(
            ':tensorflow:serving:request_count{model_name="misc",status="OK"}', 0
        )
        if float(values["keras_resattn_requests_in_flight"]) + float(done) == number:
            return
        time.sleep(0.01)
