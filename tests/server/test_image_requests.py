"""Image files as they are, in one request or a form, over real sockets."""

import base64

import httpx
import numpy as np
import pytest
import tensorflow as tf

from tests.server.test_http import PNG

URL = "/v1/models/clf:predict"
FORM = b"--x\r\nContent-Disposition: form-data; name=i; filename=i\r\n\r\n" + PNG
SIGNATURE = {"signature_name": "serving_bytes"}


def form(client, *contents, **fields):
    files = [("image", (f"{i}.png", item)) for i, item in enumerate(contents)]
    return client.post(URL, data={**SIGNATURE, **fields}, files=files)


def expected(client, *contents):
    instances = [{"b64": base64.b64encode(item).decode()} for item in contents]
    return client.post(URL, json={**SIGNATURE, "instances": instances}).json()


@pytest.fixture(scope="module")
def jpeg():
    pixels = np.random.default_rng(0).integers(0, 255, (400, 600, 3), "uint8")
    return tf.io.encode_jpeg(pixels, quality=100).numpy()


@pytest.mark.parametrize("number", [1, 3])
def test_files_of_a_form_are_instances(client, jpeg, number):
    contents = [PNG, jpeg, PNG][:number]
    answer = form(client, *contents)
    assert answer.status_code == 200
    assert answer.json() == expected(client, *contents)
    assert len(answer.json()["predictions"]) == number


def test_a_form_may_be_larger_than_a_megabyte(client, jpeg):
    answer = form(client, *[jpeg] * 12)
    assert answer.json() == expected(client, *[jpeg] * 12)


def test_the_element_that_is_no_image_is_numbered(client):
    answer = form(client, PNG, PNG, b"no image", PNG, b"no image")
    assert answer.status_code == 400
    message = answer.json()["error"]
    assert message.startswith("Element 2 of image_bytes: Unknown image file format")
    assert "{{" not in message and "node" not in message


def test_a_signature_that_takes_no_files_is_named(client):
    headers = {"content-type": "image/png"}
    answer = client.post(URL, content=PNG, headers=headers)
    assert answer.status_code == 400
    assert "does not take image files" in answer.json()["error"]


@pytest.mark.parametrize(
    "content_type, body, message",
    [
        ("multipart/form-data", b"x", "no boundary"),
        ("multipart/form-data; boundary=x", b"no form", "The form is not valid"),
        ("multipart/form-data; boundary=x", FORM, "cut off"),
        ("application/octet-stream", PNG, "Content-Type: image/png"),
        ("multipart/form-data; boundary=x", b"--x--\r\n", "no image file"),
        ("image/jpeg", b"", "no image file"),
    ],
)
def test_a_request_without_an_image_is_refused(client, content_type, body, message):
    headers = {"content-type": content_type}
    answer = client.post(URL, content=body, headers=headers)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_a_text_in_the_place_of_a_file_is_answered_with_the_remedy(client):
    answer = client.post(URL, files={"image": (None, "abc")})
    assert answer.status_code == 400
    assert "The form's field image is not a file." in answer.json()["error"]
    assert "curl -F image=@FILE" in answer.json()["error"]


def test_an_empty_file_and_a_signature_as_a_file_are_refused(client):
    assert "empty one" in form(client, PNG, b"").json()["error"]
    files = {"signature_name": ("x", b"serving_bytes")}
    answer = client.post(URL, files=files)
    assert "must be a text" in answer.json()["error"]


def test_a_form_that_is_too_large_is_refused(server_url):
    answer = httpx.post(
        server_url + URL, files={"image": bytes(65 * 2**20)}, timeout=60
    )
    assert answer.status_code == 413
