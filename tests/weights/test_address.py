"""Weights at an address: fetched over a socket, checked, kept."""

import functools
import hashlib
import http.server
import threading

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn.weights import address
from keras_resattn.weights import save_packed

FILE = "owner/repo/resolve/main/sub/weights.npz"


def network(**arguments):
    stages = [keras_resattn.Stage(8, 1, 1, mask_depth=1)]
    return keras_resattn.ResidualAttentionNetwork(
        stages, "cifar", default_size=8, classes=2, **arguments
    )


@pytest.fixture(scope="module")
def model():
    return network()


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def send_head(self):
        self.server.requests.append(self.path)
        return super().send_head()


@pytest.fixture
def server(model, tmp_path, monkeypatch):
    """A server of a weights file, and Keras' cache in a folder of its own."""
    path = tmp_path / "served" / FILE
    path.parent.mkdir(parents=True)
    save_packed(model, path)
    (tmp_path / "served/text.npz").write_text("no weights")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    handler = functools.partial(Handler, directory=tmp_path / "served")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.requests = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        server.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setattr(address, "HUB", server.url)
        yield server
        server.shutdown()


@pytest.fixture
def cached(tmp_path):
    return lambda: list((tmp_path / "keras").rglob("*.npz"))


def test_a_file_of_the_hub_is_fetched_once(server, model, cached):
    for _ in range(2):
        loaded = network(weights="hf://owner/repo/sub/weights.npz")
    assert server.requests == [f"/{FILE}"]
    assert len(cached()) == 1
    kernel = keras.ops.convert_to_numpy(loaded.get_layer("stem_conv").kernel)
    expected = keras.ops.convert_to_numpy(model.get_layer("stem_conv").kernel)
    np.testing.assert_array_equal(kernel, expected.astype("float16"))


@pytest.mark.one_backend
def test_a_checksum_is_checked(server, cached):
    url = f"{server.url}/{FILE}#sha256="
    assert address.fetch(url + server.sha256.upper()) == cached()[0]
    cached()[0].write_text("damaged")
    assert address.sha256_of(address.fetch(url + server.sha256)) == server.sha256
    assert len(server.requests) == 2


@pytest.mark.one_backend
def test_a_wrong_checksum_is_an_error_and_leaves_nothing(server, cached):
    wrong = f"hf://owner/repo/sub/weights.npz#sha256={'0' * 64}"
    with pytest.raises(ValueError, match=f"is {server.sha256}.*Received: weights=hf"):
        network(weights=wrong)
    assert cached() == []


@pytest.mark.one_backend
def test_what_cannot_be_fetched_is_an_error_and_leaves_nothing(server, cached):
    with pytest.raises(OSError, match=r"404.*Received: weights=hf://owner/repo/no.npz"):
        network(weights="hf://owner/repo/no.npz")
    address.HUB = "http://127.0.0.1:1"
    with pytest.raises(OSError, match="refused.*Received: weights=hf://"):
        network(weights="hf://owner/repo/sub/weights.npz")
    assert cached() == []


@pytest.mark.one_backend
def test_a_fetched_file_that_does_not_fit_can_be_deleted(server, cached):
    sha256 = hashlib.sha256(b"no weights").hexdigest()
    with pytest.raises(ValueError, match="do not fit.*Delete .*text.npz to download"):
        network(weights=f"{server.url}/text.npz#sha256={sha256}")
    assert len(cached()) == 1


@pytest.mark.one_backend
@pytest.mark.parametrize(
    "wrong",
    [
        "http://example.org/weights.npz",
        "https://example.org/",
        "ftp://example.org/weights.npz",
        "hf://owner/weights.npz",
        "https://example.org/weights.npz#sha256=abc",
        "https://example.org/weights.npz#md5=abc",
    ],
)
def test_a_wrong_address_is_an_error_before_anything_is_built(wrong):
    with pytest.raises(ValueError, match=f"Received: weights={wrong}"):
        keras_resattn.Attention56(weights=wrong)
