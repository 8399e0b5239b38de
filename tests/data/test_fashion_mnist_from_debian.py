import gzip
import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

SCRIPT = Path(__file__).parents[2] / "scripts" / "fashion_mnist_from_debian.py"
SPLITS = {"train": ("train", 6), "test": ("t10k", 4)}


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_package(folder):
    """Write a package of a few images; return each split's images and labels."""
    rng = np.random.default_rng(0)
    content = {}
    for split, (prefix, count) in SPLITS.items():
        images = rng.integers(0, 256, (count, 28, 28), dtype="uint8")
        labels = rng.integers(0, 10, count, dtype="uint8")
        content[split] = images, labels
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            path = folder / f"{prefix}-{name}-ubyte.gz"
            path.write_bytes(gzip.compress(head + array.tobytes()))
    return content


def test_tfds_reads_the_same_pixels_and_labels(tool, tmp_path):
    content = write_package(tmp_path)
    data_dir = tmp_path / "tensorflow_datasets"
    path, is_new = tool.convert(tmp_path, data_dir, SPLITS)
    assert is_new and path.is_relative_to(data_dir)
    for split, (images, labels) in content.items():
        examples = tfds.load(
            "fashion_mnist", split=split, data_dir=str(data_dir), as_supervised=True
        )
        found = {(image.numpy().tobytes(), int(label)) for image, label in examples}
        assert found == {
            (image.tobytes(), int(label))
            for image, label in zip(images, labels, strict=True)
        }
    assert tool.convert("nothing", data_dir) == (path, False)


def test_a_missing_file_is_an_error(tool, tmp_path):
    write_package(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="apt-get.*Received: .*t10k-labels"):
        tool.convert(tmp_path, tmp_path / "data", SPLITS)
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:100], "damaged"),
        (lambda content: b"no gzip", "damaged"),
        (lambda content: gzip.compress(b"short"), "does not hold 6 entries"),
    ],
)
def test_a_damaged_file_is_an_error(tool, tmp_path, damage, message):
    write_package(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=f"{message}.*Received: {path}"):
        tool.convert(tmp_path, tmp_path / "data", SPLITS)
    assert list((tmp_path / "data").iterdir()) == []


def test_the_command_ends_with_the_error(tool, tmp_path):
    arguments = ["--data-dir", str(tmp_path), "--folder", str(tmp_path)]
    with pytest.raises(SystemExit, match="no such file.*Received: .*train-images"):
        tool.main(arguments)
