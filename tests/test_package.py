import importlib.metadata
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import keras_resattn

ROOT = Path(__file__).parents[1]

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
        assert hasattr(keras_resattn, name)
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


@pytest.mark.slow
def test_wheel_and_sdist_hold_code_data_and_notices(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", tmp_path, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert DATA_FILES <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests", "benchmarks")) for name in names)
    (sdist,) = tmp_path.glob("*.tar.gz")
    names = {name.split("/", 1)[-1] for name in tarfile.open(sdist).getnames()}
    assert DATA_FILES <= names
