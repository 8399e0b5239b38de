import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_resattn.data import Preprocessing
from keras_resattn.data import check_readable
from keras_resattn.data import describe_images
from keras_resattn.data import load
from keras_resattn.recipes.settings import Data
from keras_resattn.training.job import make_job


@pytest.fixture(scope="module")
def sample_data(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("tensorflow_datasets")
    return Data(name="fashion_mnist_sample", data_dir=str(data_dir))


@pytest.fixture(scope="module")
def sample(sample_data):
    return load(sample_data, Preprocessing((28, 28, 1)))


def test_the_bundled_sample_is_balanced(sample):
    assert (sample.train.count, sample.test.count) == (10_000, 2_000)
    for split, count in ((sample.train, 1_000), (sample.test, 200)):
        _, labels = split.images.batch(10_000).get_single_element()
        np.testing.assert_array_equal(np.bincount(labels), [count] * 10)


def test_the_bundled_sample_has_grey_images_of_28_by_28(sample):
    images, _ = sample.test.images.batch(10_000).get_single_element()
    assert images.shape == (2_000, 28, 28, 1)
    assert images.dtype == "uint8"
    assert images.numpy().max(axis=(1, 2, 3)).min() > 100
    assert sample.labels[9] == "Ankle boot"


def test_the_bundled_sample_can_be_loaded_by_tfds_itself(sample, sample_data):
    images = tfds.load(
        "fashion_mnist_sample", split="test", data_dir=sample_data.data_dir
    )
    assert len(images) == 2_000


class TinyColours(tfds.core.GeneratorBasedBuilder):
    """A data set of coloured images with no split but `train`."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(names=["red", "blue"]),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i in range(20):
            image = np.zeros((5 + i, 9, 3), "uint8")
            image[..., 0 if i % 2 else 2] = 255
            yield i, {"image": image, "label": 0 if i % 2 else 1}


def test_any_tfds_name_even_without_a_test_split(tmp_path):
    tfds.builder("tiny_colours", data_dir=str(tmp_path)).download_and_prepare()
    data = load(
        Data(name="tiny_colours", data_dir=str(tmp_path)), Preprocessing((8, 8, 3))
    )
    assert data.labels == ("red", "blue")
    assert (data.train.count, data.test.count) == (18, 2)
    heights = set()
    for split in (data.train, data.test):
        for image, label in split.images.as_numpy_iterator():
            assert image[0, 0].tolist() == ([255, 0, 0], [0, 0, 255])[label]
            heights.add(image.shape[0])
    assert heights == set(range(5, 25))


def test_an_unknown_name_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="neither a.*Received: data.name=nope"):
        load(Data(name="nope", data_dir=str(tmp_path)), Preprocessing((32, 32, 3)))


def test_a_file_is_no_data(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"any")
    with pytest.raises(ValueError, match=r"This is a file; .*Received: .*photo.jpg"):
        load(Data(name=str(path)), Preprocessing((32, 32, 3)))


@pytest.mark.parametrize("name", ["photo.jpg", "my photos", "a+b"])
def test_a_name_that_no_data_set_can_have_is_unknown(tmp_path, name):
    message = r"neither a.* --set data.name=./photos.*Received: data.name="
    with pytest.raises(FileNotFoundError, match=message):
        load(Data(name=name, data_dir=str(tmp_path)), Preprocessing((32, 32, 3)))


def test_other_channels_are_an_error(sample, sample_data):
    with pytest.raises(ValueError, match="1 channels.*Received: input_shape="):
        load(sample_data, Preprocessing((28, 28, 3)))


def test_a_folder_of_class_folders(photos):
    data = load(str(photos), Preprocessing((16, 16, 3)))
    assert data.labels == ("bright", "dark")
    assert (data.train.count, data.test.count) == (36, 4)
    assert not set(data.train.paths) & set(data.test.paths)
    # Of each class, a tenth is held out: two images.
    assert [label for _, label in data.test.images.as_numpy_iterator()] == [0, 0, 1, 1]
    for image, label in data.train.images.as_numpy_iterator():
        assert image.dtype == "uint8"
        assert (image.mean() > 128) == (label == 0)


def test_a_folder_with_splits(photos, tmp_path):
    shutil.copytree(photos, tmp_path / "train")
    for label in ("bright", "dark"):
        (tmp_path / "val" / label).mkdir(parents=True)
        shutil.copy(photos / label / "03.png", tmp_path / "val" / label)
    data = load(str(tmp_path), Preprocessing((16, 16, 3)))
    assert (data.train.count, data.test.count) == (40, 2)


def test_grey_networks_read_coloured_folders_grey(photos):
    data = load(str(photos), Preprocessing((16, 16, 1)))
    assert next(iter(data.train.images))[0].shape[-1] == 1


def test_a_missing_folder_is_an_error():
    with pytest.raises(FileNotFoundError, match="no such folder.*Received: ./nothing"):
        load("./nothing", Preprocessing((16, 16, 3)))


def test_a_folder_without_class_folders_is_an_error(photos):
    bright = photos / "bright"
    with pytest.raises(ValueError, match=rf"one per class.*Received: {bright}"):
        load(str(bright), Preprocessing((16, 16, 3)))


def test_a_class_folder_without_images_is_an_error(photos, tmp_path):
    shutil.copytree(photos, tmp_path / "photos")
    (tmp_path / "photos" / "empty").mkdir()
    with pytest.raises(ValueError, match="have no images.*Received: .* with empty"):
        load(str(tmp_path / "photos"), Preprocessing((16, 16, 3)))


def test_splits_of_other_classes_are_an_error(photos, tmp_path):
    shutil.copytree(photos, tmp_path / "train")
    shutil.copytree(photos, tmp_path / "test")
    (tmp_path / "test" / "dark").rename(tmp_path / "test" / "black")
    with pytest.raises(ValueError, match="differ: .* of black. .*Received: black"):
        load(str(tmp_path), Preprocessing((16, 16, 3)))


@pytest.fixture
def damaged(photos, tmp_path):
    """The pictures, and among those of each class one that is none."""
    root = tmp_path / "damaged"
    shutil.copytree(photos, root)
    whole = (photos / "bright" / "00.jpg").read_bytes()
    bad = [root / "bright" / "05.jpg", root / "dark" / "zz.png"]
    bad[0].write_bytes(whole[: len(whole) // 2])
    bad[1].write_bytes(b"no image")
    return root, tuple(map(str, bad))


def test_unreadable_files_are_left_out_and_listed(damaged):
    root, bad = damaged
    everything = load(str(root), Preprocessing((16, 16, 3)))
    data = load(Data(name=str(root), on_error="skip"), Preprocessing((16, 16, 3)))
    assert data.skipped == bad
    assert data.reasons[1].startswith("is not a PNG, JPEG")
    assert data.skipped_by_reason == "1 cut off, 1 not an image"
    assert everything.skipped == ()
    for split, before in ((data.train, everything.train), (data.test, everything.test)):
        assert split.paths == tuple(path for path in before.paths if path not in bad)
        assert len(list(split.images)) == split.count == len(split.paths)


def test_unreadable_files_stop_the_reading_else(damaged):
    root, _ = damaged
    data = load(str(root), Preprocessing((16, 16, 3)))
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(data.train.images)


def test_a_class_of_unreadable_files_is_an_error(photos, tmp_path):
    shutil.copytree(photos, tmp_path / "photos")
    for path in (tmp_path / "photos" / "dark").iterdir():
        path.write_bytes(b"no image")
    data = Data(name=str(tmp_path / "photos"), on_error="skip")
    with pytest.raises(ValueError, match="left to train dark.*Received: .*20 unread"):
        load(data, Preprocessing((16, 16, 3)))


def test_validation_and_test_are_one_split_where_there_is_one_held_out(photos):
    data = load(str(photos), Preprocessing((16, 16, 3)))
    assert data.test is data.validation
    assert data.train.count_by_class == (18, 18)
    assert data.test.count_by_class == (2, 2)
    assert len(data.paths) == len(set(data.paths)) == 40


def test_unreadable_files_are_all_listed_with_the_remedy(damaged):
    root, bad = damaged
    preprocessing = Preprocessing((16, 16, 3))
    with pytest.raises(ValueError, match="2 of 42 images.*") as error:
        check_readable(load(str(root), preprocessing), preprocessing)
    assert all(path in str(error.value) for path in bad)
    assert ".\nReplace or remove them" in str(error.value)
    assert "`--set data.on_error=skip`" in str(error.value)


def test_a_training_lists_unreadable_files_before_it_builds_the_network(
    damaged, small_recipe
):
    root, bad = damaged
    data = small_recipe.data.model_copy(update={"name": str(root)})
    with pytest.raises(ValueError, match="2 of 42 images"):
        make_job(small_recipe.model_copy(update={"data": data}), None)


def test_a_data_set_wins_over_a_folder_and_the_folder_is_named(
    photos, sample_data, tmp_path, monkeypatch
):
    shutil.copytree(photos, tmp_path / "fashion_mnist_sample")
    shutil.copytree(photos, tmp_path / "my_photos")
    monkeypatch.chdir(tmp_path)
    grey = Preprocessing((28, 28, 1))
    sample = load(sample_data, grey)
    assert sample.train.count == 10_000
    assert "data.name=./fashion_mnist_sample" in sample.notes[0]
    assert load("./fashion_mnist_sample", grey).train.count == 36
    assert load("my_photos", grey).train.count == 36


def test_version_0_1_held_out_every_tenth_file_and_preferred_a_folder(
    photos, tmp_path, monkeypatch
):
    shutil.copytree(photos, tmp_path / "fashion_mnist_sample")
    monkeypatch.chdir(tmp_path)
    data = load(
        Data(name="fashion_mnist_sample", validation="version_0.1"),
        Preprocessing((16, 16, 3)),
    )
    found = sorted(str(p) for p in Path("fashion_mnist_sample").glob("*/*"))
    assert list(data.test.paths) == found[9::10]
    assert data.validation is data.test


def test_the_description_has_the_images_of_each_class_and_split(photos, tmp_path):
    for split in ("train", "val", "test"):
        shutil.copytree(photos, tmp_path / split)
    shutil.rmtree(tmp_path / "test" / "dark")
    lines = describe_images(load(str(tmp_path), Preprocessing((16, 16, 3))))
    assert lines[0].endswith(": 100 images, 2 classes (bright, dark)")
    assert [line.split() for line in lines[1:5]] == [
        ["class", "training", "validation", "test"],
        ["bright", "20", "20", "20"],
        ["dark", "20", "20", "0"],
        ["all", "40", "40", "20"],
    ]
    assert lines[5:] == ["0 test images: dark."]
