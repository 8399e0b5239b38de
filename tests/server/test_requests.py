"""What the server answers beyond the recorded cases, and what it survives."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from .conftest import SECONDS_OF_STEPS

IMAGES = np.zeros((2, 8, 8, 3)).tolist()


def post(client, model, request):
    return client.post(f"/v1/models/{model}:predict", json=request)


@pytest.fixture(autouse=True)
def server_lives_on(client):
    yield
    assert client.get("/healthz").text == "ok"
    assert post(client, "clf", {"instances": IMAGES}).status_code == 200


def test_one_output_answers_bare_rows(client):
    answer = post(client, "clf", {"instances": IMAGES}).json()
    assert np.shape(answer["predictions"]) == (2, 5)


def test_columns_answer_bare_for_one_output_and_an_object_for_several(client):
    one = post(client, "clf", {"inputs": {"image": IMAGES}}).json()
    assert np.shape(one["outputs"]) == (2, 5)
    inputs = {"a": [[1, 2], [3, 4]], "b": [3, 5]}
    several = post(client, "misc", {"signature_name": "two", "inputs": inputs}).json()
    assert several == {"outputs": {"s": [6.0, 12.0], "b2": [6, 10]}}


@pytest.mark.parametrize("model, name", [("clf", "scores"), ("plain", "output_0")])
@pytest.mark.parametrize(
    "image, shape",
    [
        ([1.0, 2.0], "[1,2]"),
        (1.0, "[1]"),
        ([[[1.0]]], "[1,1,1,1]"),
        (np.zeros((8, 8, 4)).tolist(), "[1,8,8,4]"),
    ],
)
def test_a_wrong_shape_is_named_before_it_reaches_the_model(
    client, model, name, image, shape
):
    response = post(client, model, {"instances": [image]})
    assert response.status_code == 400
    assert response.json()["error"] == (
        "Input 'image' does not fit the signature: expected float [-1,8,8,3]."
        f" Received: float {shape}"
    )


@pytest.mark.parametrize(
    "model, signature", [("clf", ""), ("plain", ""), ("clf", "serving_bytes")]
)
def test_an_empty_batch_answers_empty(client, model, signature):
    response = post(client, model, {"signature_name": signature, "inputs": []})
    assert response.status_code == 200
    outputs = response.json()["outputs"]
    several = {"scores": [], "label": [], "class_id": []}
    assert outputs == (several if signature else [])


def test_a_scalar_output_of_an_empty_batch_is_computed(client):
    response = post(client, "misc", {"signature_name": "scal", "inputs": []})
    assert "NaN" in response.text


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deeply_nested_json_is_refused(client, opening):
    body = '{"instances": ' + opening * 50_000
    response = client.post("/v1/models/misc:predict", content=body)
    assert response.status_code == 400
    assert "nested too deeply" in response.json()["error"]


@pytest.mark.parametrize("depth", [60, 70, 200, 900])
def test_tensors_nested_beyond_any_rank_are_refused(client, depth):
    body = '{"instances": ' + "[" * depth + "]" * depth + "}"
    response = client.post("/v1/models/misc:predict", content=body)
    assert response.status_code == 400


def test_a_body_declared_too_large_is_refused_unread(server_url):
    host, port = server_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            b"POST /v1/models/clf:predict HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 67108865\r\n\r\n"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_grows_too_large_is_refused(client):
    chunks = (bytes(2**20) for _ in range(65))
    response = client.post("/v1/models/clf:predict", content=chunks)
    assert response.status_code == 413


@pytest.mark.parametrize(
    "path, status, error",
    [
        ("nope", 404, "Servable not found for request: Latest(nope)"),
        ("clf/versions/99", 404, "Servable not found for request: Specific(clf, 99)"),
        ("clf/labels/nope", 400, "Unrecognized servable version label: nope"),
        (
            "clf/versions/" + "9" * 20,
            400,
            f"Failed to convert version: {'9' * 20} to numeric.",
        ),
    ],
)
def test_an_unknown_servable_is_named(client, path, status, error):
    response = post(client, path, {"instances": IMAGES})
    assert (response.status_code, response.json()) == (status, {"error": error})


@pytest.mark.parametrize(
    "path", ["clf", "clf/versions/1", "clf/labels/stable", "c%6Cf"]
)
def test_a_served_version_is_found_by_every_name(client, path):
    assert post(client, path, {"instances": IMAGES}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/models/clf/", "/v1/models/clf:predict", "/v1/nothing"]
)
def test_a_malformed_path_is_quoted(client, path):
    response = client.get(path)
    assert response.status_code == 400
    assert response.json() == {"error": f"Malformed request: GET {path}"}


def test_a_signature_without_inputs_cannot_be_asked(client):
    name = "__saved_model_init_op"
    response = post(client, "clf", {"signature_name": name, "instances": [1]})
    assert response.status_code == 400
    assert response.json()["error"].endswith(f"input map for signature: {name}")


def test_an_unknown_signature_is_named(client):
    response = post(client, "clf", {"signature_name": "nope", "instances": [1]})
    assert response.status_code == 400
    message = 'Serving signature name: "nope" not found in signature def'
    assert response.json() == {"error": message}


def test_an_input_of_a_type_without_json_form_is_not_implemented(client):
    response = post(client, "misc", {"signature_name": "f16", "inputs": [1.0]})
    assert response.status_code == 501


def test_concurrent_requests_each_get_their_own_answer(client):
    def square(number):
        inputs = {"a": [[number, number]], "b": [number]}
        request = {"signature_name": "two", "inputs": inputs}
        return post(client, "misc", request).json()["outputs"]["b2"]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(square, range(40)))
    assert answers == [[2 * number] for number in range(40)]


def test_status_and_health_answer_while_predictions_run(client):
    slow = {"signature_name": "slow", "instances": [SECONDS_OF_STEPS]}
    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(post, client, "misc", slow) for _ in range(3)]
        time.sleep(0.2)
        assert client.get("/healthz").text == "ok"
        assert client.get("/v1/models/clf").status_code == 200
        assert not any(future.done() for future in running)
    assert {future.result().status_code for future in running} == {200}


@pytest.mark.parametrize(
    "request_body, message",
    [
        ({"examples": {}}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"context": [], "examples": [{}]}, "JSON object but got JSON Array"),
        ({"examples": [{"x": None}]}, "Feature: x has element with unexpected JSON"),
        ({"examples": [{"x": [[1]]}]}, "unexpected JSON type: Array"),
        ({"examples": [{"x": [1, "a"]}]}, "in feature: x expecting type: int64"),
        ({"examples": [{"x": 2**63}]}, "x has uint64 element. Only int64"),
        ({"examples": [{"x": 1}], "signature_name": 5}, "must be a string value"),
        ({"examples": [{"x": 1}]}, "No classification inputs found in SignatureDef"),
    ],
)
def test_examples_that_cannot_be_read_say_why(client, request_body, message):
    response = client.post("/v1/models/clf:classify", json=request_body)
    assert response.status_code == 400
    assert message in response.json()["error"]
