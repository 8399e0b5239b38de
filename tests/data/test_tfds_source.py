import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_resattn.data import Preprocessing
from keras_resattn.data import describe_images
from keras_resattn.data import evaluation_batches
from keras_resattn.data import load
from keras_resattn.data import tfds_source
from keras_resattn.data import training_batches
from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.recipes.settings import Augmentation
from keras_resattn.recipes.settings import Data

IMAGENET = {"train": 40, "validation": 8, "test": 4}


def prepare(name, data_dir, counts, shape):
    """Write a few images of noise as a data set of tensorflow-datasets."""
    builder = tfds.builder(name, data_dir=str(data_dir))
    rng = np.random.default_rng(0)
    classes = builder.info.features["label"].num_classes

    def examples(split, count):
        for i in range(count):
            image = rng.integers(0, 256, shape, dtype="uint8")
            label = -1 if (name, split) == ("imagenet2012", "test") else i % classes
            example = {"image": image, "label": label}
            others = set(builder.info.features) - set(example)
            yield f"{split}{i}", example | dict.fromkeys(others, "0")

    builder._split_generators = lambda dl_manager: {
        split: examples(split, count) for split, count in counts.items()
    }
    builder.download_and_prepare()


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("tensorflow_datasets")
    prepare("imagenet2012", data_dir, IMAGENET, (20, 30, 3))
    return Data(name="imagenet2012", data_dir=str(data_dir))


@pytest.mark.parametrize(
    "name, shape, classes",
    [
        ("cifar10", (32, 32, 3), 10),
        ("cifar100", (32, 32, 3), 100),
        ("fashion_mnist", (28, 28, 1), 10),
    ],
)
def test_small_sets_are_read_as_they_are(tmp_path, name, shape, classes):
    prepare(name, tmp_path, {"train": 6, "test": 4}, shape)
    preprocessing = Preprocessing(shape)
    data = load(Data(name=name, data_dir=str(tmp_path)), preprocessing)
    expected = tfds.load(name, split="train", data_dir=str(tmp_path))
    assert len(data.labels) == classes
    assert (data.train.count, data.test.count) == (6, 4)
    for (image, label), example in zip(data.train.images, expected, strict=True):
        np.testing.assert_array_equal(image, example["image"])
        assert label == example["label"]
    batches = training_batches(data.train, preprocessing, 3, classes)
    assert batches.element_spec[0] == tf.TensorSpec((3, *shape), tf.uint8)


def test_imagenet_is_tested_on_its_validation_images(imagenet):
    data = load(imagenet, Preprocessing((16, 16, 3)))
    assert (data.train.count, data.test.count) == (40, 8)
    assert len(data.labels) == 1000
    labels = [int(label) for _, label in data.test.images]
    assert sorted(labels) == list(range(8))


def test_records_are_shuffled_by_the_seeds_and_each_occurs_once(imagenet):
    data = load(imagenet, Preprocessing((16, 16, 3)))

    def order(epoch):
        epochs = tf.data.Dataset.from_tensors(seeds_of(0, epoch))
        pairs = epochs.flat_map(data.train.encoded)
        return [int(label) for _, label in pairs]

    assert sorted(order(0)) == list(range(40))
    assert order(0) == order(0)
    assert order(0) != order(1)


def test_large_sets_are_read_again_in_each_epoch(imagenet, monkeypatch):
    # As if they were large: neither kept in memory nor shuffled as a whole.
    monkeypatch.setattr("keras_resattn.data.pipeline.CACHE_BYTES", 0)
    monkeypatch.setattr(tfds_source, "SHUFFLE_BYTES", 10_000)
    preprocessing = Preprocessing((16, 16, 3))
    data = load(imagenet, preprocessing)

    def batches(first_epoch):
        return [
            (images.numpy(), labels.numpy().argmax(axis=-1))
            for images, labels in training_batches(
                data.train, preprocessing, 8, 1000, epochs=3, first_epoch=first_epoch
            )
        ]

    whole, rest = batches(0), batches(2)
    for epoch in range(3):
        labels = [label for _, y in whole[5 * epoch :][:5] for label in y]
        assert sorted(labels) == list(range(40))
    for (x, y), (images, labels) in zip(whole[10:], rest, strict=True):
        np.testing.assert_array_equal(x, images)
        np.testing.assert_array_equal(y, labels)
    ((images, _),) = evaluation_batches(data.test, preprocessing, 8)
    assert images.shape == (8, 16, 16, 3)
    # Keras warns of a data set that ends without having said when.
    assert len(evaluation_batches(data.test, preprocessing, 3)) == 3


def test_wrong_labels_are_the_same_in_every_order(imagenet):
    noisy = imagenet.model_copy(update={"correct_labels": 0.5})
    right, wrong = (load(d, Preprocessing((16, 16, 3))) for d in (imagenet, noisy))
    expected = {
        image.numpy().tobytes(): int(label) for image, label in wrong.train.images
    }
    changed = [
        expected[image.numpy().tobytes()] != int(label)
        for image, label in right.train.images
    ]
    assert 8 < sum(changed) < 32
    epochs = tf.data.Dataset.from_tensors(seeds_of(0, 3))
    for content, label in epochs.flat_map(wrong.train.encoded):
        assert expected[wrong.train.decode(content).numpy().tobytes()] == label


def test_parts_of_a_split_have_their_own_images(imagenet, monkeypatch):
    parts = {"train": "train[10%:]", "test": "train[:10%]"}
    monkeypatch.setattr(tfds_source, "_instructions", lambda *_: parts)
    data = load(imagenet, Preprocessing((16, 16, 3)))
    train, test = (
        {int(label) for _, label in split.images} for split in (data.train, data.test)
    )
    assert (len(train), len(test)) == (36, 4)
    assert not train & test


def test_parts_of_jpeg_records_are_decoded(imagenet):
    preprocessing = Preprocessing((16, 16, 3))
    data = load(imagenet, preprocessing)
    batches = training_batches(
        data.train, preprocessing, 8, 1000, Augmentation(crop="resized")
    )
    images, _ = next(iter(batches))
    assert images.dtype == tf.float32
    assert 0 <= images.numpy().min() and images.numpy().max() <= 255


@pytest.mark.parametrize(
    "name, advice",
    [("cifar10", "cifar10_from_npm.py"), ("imagenet2012", "image-net.org by hand")],
)
def test_a_data_set_that_is_absent_is_an_error_at_once(tmp_path, name, advice):
    message = f"download: true.*{advice}.*Received: {name}"
    with pytest.raises(FileNotFoundError, match=message):
        load(Data(name=name, data_dir=str(tmp_path)), Preprocessing((32, 32, 3)))


def test_archives_to_fetch_by_hand_are_named(tmp_path):
    data = Data(name="imagenet2012", data_dir=str(tmp_path), download=True)
    message = "(?s)ILSVRC2012_img_train.tar.*Received: imagenet2012"
    with pytest.raises(FileNotFoundError, match=message):
        load(data, Preprocessing((32, 32, 3)))


def test_leaving_out_records_is_an_error(tmp_path):
    data = Data(name="mnist_corrupted", data_dir=str(tmp_path), on_error="skip")
    with pytest.raises(
        ValueError, match="Only image files can be left out.*Received: on_error='skip'"
    ):
        load(data, Preprocessing((28, 28, 1)))


def test_validation_images_are_the_last_part_of_the_training_images(imagenet):
    preprocessing = Preprocessing((16, 16, 3))
    whole = load(imagenet, preprocessing)
    assert whole.validation is whole.test
    share = imagenet.model_copy(update={"validation": 0.1})
    data = load(share, preprocessing)
    counts = data.train.count, data.validation.count, data.test.count
    assert counts == (36, 4, 8)

    def labels(split):
        return [int(label) for _, label in split.images]

    assert labels(data.train) + labels(data.validation) == labels(whole.train)
    assert labels(data.test) == labels(whole.test)
    assert data.notes == (
        "Splits of the data set: train: train[0:36], test: validation, "
        "validation: train[36:40].",
    )


def test_cifar_keeps_its_test_images_for_the_end(tmp_path):
    prepare("cifar10", tmp_path, {"train": 30, "test": 4}, (32, 32, 3))
    settings = Data(name="cifar10", data_dir=str(tmp_path), validation=0.1)
    data = load(settings, Preprocessing((32, 32, 3)))
    splits = data.train, data.validation, data.test
    assert [split.count for split in splits] == [27, 3, 4]
    images = [
        {image.numpy().tobytes() for image, _ in split.images} for split in splits
    ]
    assert [len(some) for some in images] == [27, 3, 4]
    assert len(set.union(*images)) == 34
    assert "validation: train[27:30]" in describe_images(data)[2]


def test_a_data_set_with_its_own_validation_images_uses_them(tmp_path):
    counts = {"train": 12, "validation": 6, "test": 3}
    prepare("beans", tmp_path, counts, (500, 500, 3))
    settings = Data(name="beans", data_dir=str(tmp_path))
    data = load(settings, Preprocessing((16, 16, 3)))
    assert (data.train.count, data.validation.count, data.test.count) == (12, 6, 3)
    assert data.notes == ()
