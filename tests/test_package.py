import importlib.metadata
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

import keras_resattn

ROOT = Path(__file__).parents[1]

PACKAGES = {
    "keras_resattn",
    "keras_resattn_cli",
    "keras_resattn_client",
    "keras_resattn_server",
}
DATA_FILES = {
    "keras_resattn/py.typed",
    "keras_resattn/convert/caffe.proto",
    "keras_resattn/convert/caffe_pb2.py",
    "keras_resattn/recipes/demo.yaml",
    "keras_resattn/recipes/folder.yaml",
    "keras_resattn/explain/explain.html",
    "keras_resattn/explore/page.css",
    "keras_resattn/explore/page.js",
    "keras_resattn/explain/report.html",
    "keras_resattn/data/fashion_mnist_sample/LICENSE",
    "keras_resattn/data/fashion_mnist_sample/train-images-idx3-ubyte.xz",
    "keras_resattn/data/fashion_mnist_sample/test-images-idx3-ubyte.xz",
    "keras_resattn_cli/main.py",
    "keras_resattn_client/py.typed",
    "keras_resattn_client/serving.proto",
    "keras_resattn_client/serving_pb2.py",
}


def test_the_version_is_that_of_the_distribution():
    assert keras_resattn.__version__ == importlib.metadata.version("keras-resattn")


def test_every_public_name_is_there():
    for name in keras_resattn.__all__:
        assert hasattr(keras_resattn, name) and name in dir(keras_resattn)
    for name in keras_resattn.layers.__all__:
        assert hasattr(keras_resattn.layers, name)


def test_networks_and_layers_do_not_import_tensorflow():
    # On another backend they must work where TensorFlow is slow or absent.
    code = (
        "import sys, keras_resattn\n"
        "ours = [m for n, m in sys.modules.items() if n.startswith('keras_resattn')]\n"
        "print([m.__name__ for m in ours if hasattr(m, 'tf')])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


GOOD_CALLS = """\
import keras_resattn

keras_resattn.Attention56(classes=3, input_shape=(64, 64, None), p=2, unit="resnext")
keras_resattn.cifar.Attention452(True, None, pooling="avg", dropout=0.1)
keras_resattn.baselines.ResNet164(classes=3, stochastic_depth=0.2)
keras_resattn.compatibility.pytorchcv.Attention56(name="pretrained")
"""
BAD_CALLS = """\
import keras_resattn

keras_resattn.Attention56(clases=3)
keras_resattn.cifar.Attention452(classes="three")
keras_resattn.baselines.ResNet164(p=2)
keras_resattn.compatibility.pytorchcv.Attention56(dropout=0.1)
keras_resattn.ResidualAttentionNetwork([keras_resattn.Stage(8, 1, 1)], stemm="cifar")
"""


@pytest.mark.one_backend
@pytest.mark.parametrize(("source", "wrong"), [(GOOD_CALLS, 0), (BAD_CALLS, 5)])
def test_a_type_checker_knows_the_arguments_of_the_networks(tmp_path, source, wrong):
    (tmp_path / "user.py").write_text(source)
    options = ["--ignore-missing-imports", "--cache-dir", str(tmp_path / "cache")]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "user.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    errors = [line for line in checked.stdout.splitlines() if ": error: " in line]
    assert all(line.startswith("user.py:") for line in errors), checked.stdout
    assert len(errors) == wrong, checked.stdout + checked.stderr


# These modules do not exist on Windows.
WITHOUT_POSIX_MODULES = """\
import sys

sys.modules["fcntl"] = sys.modules["resource"] = None

import numpy as np
import keras_resattn
import keras_resattn.local_classifier
import keras_resattn.model_folder
import keras_resattn_cli.main
import keras_resattn_client
import keras_resattn_server.ports
from keras_resattn_client.result_formats import Result
from keras_resattn_client.results import ResultFile

keras_resattn_server.ports.allow_connections(10)
model = keras_resattn.cifar.Attention56(weights="cifar10")
probabilities = model.predict(np.zeros((1, 32, 32, 3)), verbose=0)
label = keras_resattn.cifar.decode_predictions(probabilities, top=1)[0][0][1]
with ResultFile("results.jsonl") as file:
    file.append([Result("a.png", ((label, 1.0),))])
print(open("results.jsonl").read())
"""


@pytest.mark.one_backend
def test_prediction_and_client_work_without_posix_modules(tmp_path):
    code = [sys.executable, "-c", WITHOUT_POSIX_MODULES]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = subprocess.check_output(code, cwd=tmp_path, env=environment, text=True)
    assert '"image": "a.png", "probabilities": {"' in output


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == keras_resattn.__version__
    assert len(citation["preferred-citation"]["authors"]) == 8


@pytest.mark.slow
def test_wheel_and_sdist_hold_code_data_and_notices(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", tmp_path, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 12e6
    check = [sys.executable, "-m", "twine", "check", "--strict", wheel]
    subprocess.run(check, check=True, capture_output=True)
    names = set(zipfile.ZipFile(wheel).namelist())
    assert DATA_FILES <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    folders = {name.split("/", 1)[0] for name in names}
    packages = {folder for folder in folders if not folder.endswith(".dist-info")}
    assert packages == PACKAGES
    (sdist,) = tmp_path.glob("*.tar.gz")
    names = {name.split("/", 1)[-1] for name in tarfile.open(sdist).getnames()}
    assert DATA_FILES <= names
