import contextlib
import functools
import importlib.machinery
import importlib.util
import os
import signal
import sys
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Like the command. On a processor, only oneDNN computes with channels first.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import numpy as np
import pytest

# Processes in the background of a shell ignore Ctrl-C, and pass this on to the
# processes that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Return a folder of two class folders: bright and dark images, PNG and JPEG."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("images") / "photos"
    rng = np.random.default_rng(0)
    for label, low in (("bright", 160), ("dark", 0)):
        (root / label).mkdir(parents=True)
        for i in range(20):
            height, width = rng.integers(12, 40, 2)
            pixels = rng.integers(low, low + 90, (height, width, 3), dtype="uint8")
            encode = tf.io.encode_png if i % 2 else tf.io.encode_jpeg
            name = f"{i:02}.{'png' if i % 2 else 'jpg'}"
            (root / label / name).write_bytes(encode(pixels).numpy())
    return root


@pytest.fixture
def stand_in(monkeypatch):
    """Return a function that adds an empty module for each that is not installed.

    With it, errors of optional features are tested where their extra is missing.
    """

    def add(*names):
        for name in names:
            if importlib.util.find_spec(name) is None:
                module = types.ModuleType(name)
                module.__spec__ = importlib.machinery.ModuleSpec(name, None)
                monkeypatch.setitem(sys.modules, name, module)

    return add


@pytest.fixture(scope="module")
def browser():
    """Return a Chromium of Playwright."""
    from playwright.sync_api import sync_playwright

    from tests.browser import CHROMIUM
    from tests.browser import OPTIONS

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session", autouse=True)
def graphs_as_written():
    from tests import graphs

    graphs.keep_as_written()


@pytest.fixture(scope="session", autouse=True)
def tiny_network():
    """Add a network to the zoo that has two attention modules and is built fast."""
    from keras_resattn import Stage

    # No part of it repeats or can be left out, because each would slow down each test.
    stages = (Stage(8, 1, 1, mask_depth=1), Stage(16, 2, 1, mask_depth=1))
    with in_zoo("tiny", stages):
        yield


@contextlib.contextmanager
def in_zoo(name, stages):
    """Let the zoo have a network of the family."""
    from keras_resattn import ResidualAttentionNetwork
    from keras_resattn import complexity
    from keras_resattn import zoo

    network = functools.partial(
        ResidualAttentionNetwork, stages, "cifar", p=0, t=1, default_size=32, name=name
    )
    counted = complexity(network())
    zoo.NETWORKS[name] = zoo.ModelInfo(
        network, counted.parameters, counted.multiply_adds, 32, 1000
    )
    yield
    del zoo.NETWORKS[name]


@pytest.fixture(scope="session")
def small_recipe(photos):
    """Return a recipe for the tiny network on the folder of images."""
    from keras_resattn.recipes.files import load_recipe

    settings = {
        "data.name": photos,
        "network.name": "tiny",
        "network.weights": "null",
        "network.input_shape": "[16, 16, 3]",
        "augmentation.crop_padding": 2,
        "train.epochs": 2,
        "train.batch_size": 12,
        "train.learning_rate": 0.02,
    }
    return load_recipe("folder", [f"{key}={value}" for key, value in settings.items()])


@pytest.fixture(scope="session")
def model_folder(small_recipe, tmp_path_factory):
    """Return a model folder of the small recipe. Tests must not write to it."""
    from keras_resattn import training

    out = tmp_path_factory.mktemp("runs") / "small"
    return training.fit(small_recipe, out, callbacks=[])


@pytest.fixture(scope="session")
def served(model_folder, tmp_path_factory):
    """Return a folder with the export `small/3`. Tests must not write to it."""
    from keras_resattn.export import export

    base = tmp_path_factory.mktemp("served")
    export(model_folder, base / "small" / "3")
    return base


@pytest.fixture(scope="session")
def pictures(photos):
    """Return the paths of five images of different sizes."""
    return sorted(photos.glob("*/0[2-4].*"))[:5]
