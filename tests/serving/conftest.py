import re
import signal
import subprocess
import sys

import keras
import pytest
import tensorflow as tf

from keras_resattn.export import export
from keras_resattn.masks import attention_masks
from tests.cli.conftest import run  # noqa: F401  (a fixture)


@pytest.fixture(scope="session")
def served(model_folder, tmp_path_factory):
    """A folder of two exported models: `small`, and `views` of the same network."""
    base = tmp_path_factory.mktemp("served")
    export(model_folder, base / "small" / "3")
    _export_views(model_folder, base / "views" / "1")
    return base


@pytest.fixture(scope="session")
def urls(served):
    """The URLs of a server in a process of its own: REST and gRPC."""
    command = [sys.executable, "-m", "keras_resattn_cli", "serve", served]
    process = subprocess.Popen(
        [*command, "--port", "0", "--grpc-port", "0"], stdout=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline() for _ in range(3)]  # two models, and gRPC
    rest = re.search(r"http://[^/]+", lines[0])[0]
    yield rest, "grpc://" + lines[2].split()[-1]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


@pytest.fixture(scope="session")
def rest_url(urls):
    return urls[0]


def _export_views(folder, path):
    """Export the masks and features as the contract names them."""
    masks = attention_masks(folder.model)
    features = keras.Model(folder.model.input, folder.model.layers[-2].output)
    pixels = tf.TensorSpec(folder.preprocessing.input_shape, tf.float32)

    def read(image):
        image = folder.preprocessing.resize(folder.preprocessing.decode(image))
        return folder.preprocessing.standardize(image)

    def attention(image_bytes):
        images = tf.map_fn(read, image_bytes, fn_output_signature=pixels)
        found = {
            f"{name}_mask": tf.reduce_mean(mask, -1)
            for name, mask in masks(images).items()
        }
        return found | {"probabilities": folder.model(images)}

    def embed(image_bytes):
        images = tf.map_fn(read, image_bytes, fn_output_signature=pixels)
        return {"embedding": features(images)}

    archive = keras.export.ExportArchive()
    for part in (masks, features, folder.model):
        archive.track(part)
    image_bytes = tf.TensorSpec((None,), tf.string, "image_bytes")
    archive.add_endpoint("attention", attention, [image_bytes])
    archive.add_endpoint("embed", embed, [image_bytes])
    archive.write_out(path, verbose=False)
