"""The client against the embedded server, over real sockets."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_resattn.explain import mean_masks
from keras_resattn.export import contract as exported
from keras_resattn_client import Client
from keras_resattn_client import ServerError
from keras_resattn_client import contract
from keras_resattn_client import extras
from keras_resattn_client.images import input_batches


@pytest.fixture(params=["rest", "grpc"])
def url(request, urls):
    return urls[request.param == "grpc"]


@pytest.fixture
def client(url):
    with Client(url, "small", batch_size=2) as client:
        yield client


def test_it_gives_the_models_own_predictions(client, model_folder, pictures):
    expected = model_folder.predict(pictures)
    prediction = client.predict(pictures)
    assert len(prediction) == len(pictures)
    assert prediction.probabilities.dtype == np.float32
    np.testing.assert_allclose(prediction.probabilities, expected, atol=1e-5)
    best = [model_folder.labels[i] for i in expected.argmax(axis=-1)]
    assert prediction.top_k_labels[:, 0].tolist() == best
    np.testing.assert_allclose(
        prediction.top_k_probabilities[:, 0], expected.max(axis=-1), atol=1e-5
    )


def test_paths_bytes_and_pixels_are_the_same(client, pictures, model_folder):
    expected = client.predict(pictures).probabilities
    contents = [path.read_bytes() for path in pictures]
    pixels = [
        model_folder.preprocessing.decode(content).numpy() for content in contents
    ]
    for images in (contents, [str(path) for path in pictures], pixels):
        answer = client.predict(images).probabilities
        np.testing.assert_allclose(answer, expected, atol=1e-5)
    for single in (pictures[0], contents[0], pixels[0]):
        answer = client.predict(single).probabilities
        np.testing.assert_allclose(answer, expected[:1], atol=1e-5)


def test_a_pillow_image_is_turned_upright(client, pictures):
    upright = Image.open(pictures[0]).convert("RGB")
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6  # to be turned back
    expected = client.predict(pictures[:1]).probabilities
    for image in (upright, turned, [turned]):
        answer = client.predict(image).probabilities
        np.testing.assert_allclose(answer, expected, atol=1e-5)
    other = turned.copy()
    other.getexif()[0x0112] = 1
    assert abs(client.predict(other).probabilities - expected).max() > 1e-5


def test_float_pixels_are_asked_of_their_signature(client, pictures, model_folder):
    images = model_folder.images(pictures)
    answer = client.predict(images).probabilities
    np.testing.assert_allclose(answer, model_folder.predict(pictures), atol=1e-5)


def test_masks_are_the_models_own(client, pictures, model_folder):
    inputs = model_folder.preprocessing.standardize(model_folder.images(pictures))
    expected = mean_masks(model_folder.model, inputs)
    masks = client.masks(pictures)
    assert sorted(masks) == sorted(expected)
    for name, mask in masks.items():
        assert mask.dtype == np.float32
        np.testing.assert_allclose(mask, expected[name], atol=1e-5)


def test_embeddings_lead_to_the_probabilities(client, pictures, model_folder):
    embedding = client.embed(pictures)
    logits = embedding @ model_folder.model.layers[-1].get_weights()[0]
    logits += model_folder.model.layers[-1].get_weights()[1]
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = client.predict(pictures).probabilities
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_the_status_names_the_version(client):
    assert client.status() == [
        {"version": 3, "state": "AVAILABLE", "error_code": "OK", "error_message": ""}
    ]


def test_a_models_url_is_enough(rest_url, pictures):
    for url in (
        f"{rest_url}/v1/models/small",
        f"{rest_url}/v1/models/small/versions/3",
    ):
        assert len(Client(url).predict(pictures)) == len(pictures)


def test_the_servers_message_comes_through(url, client, pictures):
    with pytest.raises(ServerError, match=r"Latest\(nope\)") as raised:
        Client(url, "nope").predict(pictures)
    assert raised.value.status in (404, "NOT_FOUND")
    with pytest.raises(ServerError, match=r"Specific\(small, 9\)"):
        Client(url, "small", version=9).predict(pictures)
    with pytest.raises(ServerError, match="label: stable"):
        Client(url, "small", label="stable").predict(pictures)
    with pytest.raises(ServerError) as raised:
        client.predict([b"no image"])
    assert raised.value.status in (400, "INVALID_ARGUMENT")
    assert raised.value.is_about_the_input


@pytest.mark.parametrize(
    "target, message",
    [
        ("ftp://host:1", "http://HOST:8501"),
        ("host", "grpc://HOST:8500"),
        ("http://", "http://HOST:8501"),
        ("grpc://host:x", "grpc://HOST:8500"),
        ("http://host:x", "http://HOST:8501"),
        ("http://host:74037", "http://HOST:8501"),
        ("http://[::1", "http://HOST:8501"),
        ("http://a..b:8501", "http://HOST:8501"),
        ("http://host/v1/models/a/b", "labels/L"),
        ("http://host/v1/models/other", "another model"),
        ("http://host/v1/models/small:predict", r"Give http://host/v1/models/small\. "),
        ("https://h:1/v1/models/small/versions/2:x", "Give https://h:1/.*/2. "),
        ("http://host/v1/models/small/metadata", "Leave out the rest"),
        ("http://host/v1/models/small?x=1", "Give only the address"),
        ("http://host/v1/models", "Give only the address"),
        ("http://host/v1/", "Give only the address"),
        ("http://host/healthz", "Give only the address"),
    ],
)
def test_a_wrong_address_is_told_with_the_right_form(target, message):
    with pytest.raises(ValueError, match=message) as raised:
        Client(target, "small")
    assert f"Received: {target}" in str(raised.value)


@pytest.mark.parametrize(
    "target", ["http://me:secret@h:99999", "https://me:s#ecret@h:1", "me:secret/x@h:1"]
)
def test_a_password_is_not_shown_beside_another_fault(target):
    with pytest.raises(ValueError, match=r"Received: .*\.\.\.@h") as raised:
        Client(target, "small")
    assert "ecret" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_password_in_the_address_is_refused_and_not_shown(scheme):
    with pytest.raises(ValueError, match="KERAS_RESATTN_API_KEY") as raised:
        Client(f"{scheme}://me:secret@host:1", "small")
    assert "secret" not in str(raised.value)
    assert f"Received: {scheme}://...@host:1" in str(raised.value)


def test_wrong_arguments_are_told(rest_url, tmp_path):
    with pytest.raises(ValueError, match="The model is missing"):
        Client(rest_url)
    with pytest.raises(ValueError, match="not both"):
        Client(rest_url, "small", version=1, label="stable")
    with pytest.raises(ValueError, match="batch_size=0"):
        Client(rest_url, "small", batch_size=0)
    with pytest.raises(ValueError, match="timeout=0"):
        Client(rest_url, "small", timeout=0)
    with pytest.raises(FileNotFoundError, match="Give a PEM file"):
        Client(rest_url, "small", ca_certificates=tmp_path / "ca.pem")
    with pytest.raises(ValueError, match="Begin the address with https://"):
        Client("http://h:1", "small", ca_certificates=__file__)
    with pytest.raises(ValueError, match="key together"):
        Client(rest_url, "small", certificate=__file__)


def test_wrong_images_are_told(client, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Received: .*missing\.png"):
        client.predict(tmp_path / "missing.png")
    with pytest.raises(ValueError, match="one image or more"):
        client.predict([])
    with pytest.raises(TypeError, match="Received: int"):
        client.predict([1])
    with pytest.raises(TypeError, match="array of int64"):
        client.predict(np.zeros((4, 4, 3), "int64"))
    with pytest.raises(ValueError, match=r"shape \(2, 4, 4\)"):
        client.predict(np.zeros((2, 4, 4), "float32"))
    with pytest.raises(TypeError, match="attention takes the bytes of image files"):
        client.masks(np.zeros((1, 4, 4, 3), "float32"))


def test_large_images_are_sent_in_smaller_batches(monkeypatch, client, pictures):
    sent = []
    run = client._transport.run
    monkeypatch.setattr("keras_resattn_client.images.MAX_BATCH_BYTES", 1)
    monkeypatch.setattr(
        client._transport, "run", lambda *asked: sent.append(asked) or run(*asked)
    )
    assert len(client.predict(pictures)) == len(sent) == len(pictures)


@pytest.mark.parametrize("bytes_per_float, batches", [(4, [3, 2]), (20, [1] * 5)])
def test_pixels_are_sent_in_batches_that_the_server_reads(
    monkeypatch, bytes_per_float, batches
):
    monkeypatch.setattr("keras_resattn_client.images.MAX_BATCH_BYTES", 3 * 12 * 4)
    pixels = np.full((5, 2, 2, 3), 99.0, "float32")
    found = list(input_batches(pixels, 32, bytes_per_float))
    assert [len(inputs["images"]) for inputs, _ in found] == batches
    assert [name for _, names in found for name in names][-1] == "number 4"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "grpc://127.0.0.1:1"])
def test_the_client_imports_neither_keras_nor_tensorflow(url):
    code = (
        "import sys; from keras_resattn_client import Client\n"
        f"Client({url!r}, 'small')\n"
        "print({'keras', 'tensorflow', 'keras_resattn'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_without_its_extra_the_client_says_what_to_install(monkeypatch):
    for url, library in (
        ("http://127.0.0.1:1", "httpx"),
        ("grpc://127.0.0.1:1", "grpc"),
    ):
        monkeypatch.setattr(extras, "_is_installed", library.__ne__)
        with pytest.raises(ImportError, match=rf"pip install .*\[client\].*{library}"):
            Client(url, "small")


def test_the_client_knows_the_exported_names():
    for name, value in vars(contract).items():
        if name.isupper() and hasattr(exported, name):
            assert value == getattr(exported, name), name


@pytest.mark.parametrize("key", ["", "  \n", "abc\n"])
def test_an_api_key_is_sent_without_the_end_of_its_line(key, monkeypatch):
    monkeypatch.setenv("KERAS_RESATTN_API_KEY", key)
    with Client("http://127.0.0.1:1", model="m") as client:
        sent = client._transport.http.headers.get("Authorization")
    assert sent == ("Bearer abc" if key.strip() else None)


@pytest.mark.parametrize("key", ["a\nb", "schlüssel"])
def test_an_api_key_that_cannot_be_sent_is_an_error_without_the_key(key):
    with pytest.raises(ValueError, match="ASCII.*Received: a key of") as error:
        Client("http://127.0.0.1:1", model="m", api_key=key)
    assert key not in str(error.value)


def test_a_signature_that_does_not_classify_is_named(urls, pictures):
    for url in urls:
        with Client(url, model="small", signature="embed") as client:
            with pytest.raises(ValueError, match="Use `embed`.*signature='embed'"):
                client.predict(pictures[0])
