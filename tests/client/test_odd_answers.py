"""Answers that are not those of TensorFlow Serving: of gateways, and of mistakes."""

import pytest

from keras_resattn_client import Client
from keras_resattn_client import ServerError
from tests.client.fake_server import PREDICTION
from tests.client.fake_server import Answer
from tests.client.fake_server import fake_server


@pytest.mark.parametrize(
    "body",
    [
        {"predictions": [[0.5, 0.5]]},
        {"outputs": 5},
        {"outputs": {"probabilities": [[0.5, 0.5], [1.0]]}},
        {"outputs": {**PREDICTION["outputs"], "probabilities": 0.5}},
        {},
    ],
)
def test_an_answer_of_another_form_is_an_error_with_the_address(body):
    with fake_server(Answer(body=body)) as fake, Client(fake.url, "small") as client:
        with pytest.raises(ServerError, match="not that of TensorFlow Ser") as raised:
            client.predict(b"image")
    assert str(raised.value).endswith(f"Received: {fake.url}/v1/models/small:predict")


@pytest.mark.parametrize("body", [{}, {"model_version_status": [{"version": "1"}]}])
def test_a_status_of_another_form_is_an_error_with_the_address(body):
    with fake_server(Answer(body=body)) as fake, Client(fake.url, "small") as client:
        with pytest.raises(ServerError, match="not that of TensorFlow Serving"):
            client.status()


def test_outputs_that_are_missing_are_named():
    outputs = {"probabilities": [[0.5, 0.5]], "top_k_labels": [["a", "b"]]}
    with fake_server(Answer(body={"outputs": outputs})) as fake:
        with Client(fake.url, "small") as client:
            with pytest.raises(ValueError, match="does not classify"):
                client.predict(b"image")
            with pytest.raises(ValueError, match=r"no output 'embedding'.*top_k_lab"):
                client.embed(b"image")


@pytest.mark.parametrize(
    "body, message",
    [
        ({"error": {"code": 401, "message": "Unknown key"}}, "Unknown key"),
        ({"error": None}, '{"error": null}'),
        ({"error": {"code": 401}}, '{"error": {"code": 401}}'),
        ([], "[]"),
    ],
)
def test_errors_of_a_gateway_are_read(body, message):
    with fake_server(Answer(401, body)) as fake, Client(fake.url, "small") as client:
        with pytest.raises(ServerError, match="KERAS_RESATTN_API_KEY") as raised:
            client.predict(b"image")
    assert (raised.value.status, raised.value.message) == (401, message)


def test_a_redirection_names_the_other_address():
    moved = Answer(308, {}, {"Location": "https://models.example/v1/models/small"})
    with fake_server(moved) as fake, Client(fake.url, "small") as client:
        with pytest.raises(ServerError, match="308: It redirects to https://models"):
            client.predict(b"image")


def test_content_that_cannot_be_decompressed_is_an_error():
    answer = Answer(headers={"Content-Encoding": "gzip"})
    with fake_server(answer) as fake, Client(fake.url, "small") as client:
        with pytest.raises(ServerError, match="200: The answer cannot be decompressed"):
            client.predict(b"image")
