"""Image files as they are for an exported model; errors that name the image."""

import httpx
import numpy as np
import pytest

from keras_resattn_client import Client
from keras_resattn_client import ServerError

from .fake_server import Answer
from .fake_server import fake_server


@pytest.fixture(params=["rest", "grpc"])
def client(request, urls):
    with Client(urls[request.param == "grpc"], "small", batch_size=3) as client:
        yield client


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "text.png"
    path.write_text("no image")
    return path


def test_the_error_has_the_name_of_the_file(client, pictures, bad):
    with pytest.raises(ServerError, match=r"Element 1 of .* The image: .*text\.png"):
        client.predict([*pictures[:4], bad])
    with pytest.raises(ServerError, match=r"The image: .*text\.png"):
        client.predict(bad)


def test_the_error_has_the_number_of_an_image_without_a_name(client, pictures):
    images = [*pictures[:3], b"no image", pictures[3]]
    with pytest.raises(ServerError, match=r"Element 0 of .* The image: number 3\."):
        client.predict(images)


def test_a_missing_key_is_answered_with_where_to_set_it():
    body = {"error": "Send an API key"}
    with fake_server(Answer(401, body)) as fake, Client(fake.url, "small") as client:
        with pytest.raises(ServerError, match="key. Set .* KERAS_RESATTN_API_KEY"):
            client.predict(b"image")


def test_other_errors_do_not_name_an_image(urls, pictures):
    with Client(urls[0], "nope") as client, pytest.raises(ServerError) as caught:
        client.predict(pictures[0])
    assert "The image:" not in str(caught.value)
    with Client(urls[0], "small", label="nope") as client:
        with pytest.raises(ServerError, match=r"label: nope\. Received") as caught:
            client.predict(pictures[0])
    assert "The image:" not in str(caught.value)


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "Image/PNG"])
def test_an_image_is_posted_as_it_is(rest_url, pictures, media_type, model_folder):
    answer = httpx.post(
        f"{rest_url}/v1/models/small:predict",
        content=pictures[0].read_bytes(),
        headers={"content-type": media_type},
        timeout=60,
    )
    (row,) = answer.json()["predictions"]
    expected = model_folder.predict(pictures[:1])[0]
    np.testing.assert_allclose(row["probabilities"], expected, atol=1e-5)


def test_a_file_that_is_no_image_is_answered_without_names_of_nodes(rest_url):
    answer = httpx.post(
        f"{rest_url}/v1/models/small:predict",
        content=b"no image",
        headers={"content-type": "image/png"},
        timeout=60,
    )
    assert answer.status_code == 400
    message = answer.json()["error"]
    assert "Element 0 of image_bytes" in message
    assert "{{" not in message and "node" not in message and "Op:" not in message
