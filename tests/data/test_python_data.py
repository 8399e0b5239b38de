"""Arrays and `tf.data.Dataset`s as labelled images."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data import evaluation_batches
from keras_resattn.data import load_python_data
from keras_resattn.data import training_batches
from keras_resattn.recipes.settings import Augmentation

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 6, 8, 3), "uint8")
LABELS = np.arange(20) % 3
PREPROCESSING = Preprocessing((6, 8, 3))


def pair(images=IMAGES, labels=LABELS):
    return tf.data.Dataset.from_tensor_slices((images, labels))


def content(split):
    """Return the sum of each image's pixels, with its label."""
    return [(int(np.sum(x, dtype="int64")), int(y)) for x, y in split.images]


def expected(images, labels):
    return [
        (int(x.sum(dtype="int64")), int(y)) for x, y in zip(images, labels, strict=True)
    ]


def test_arrays_are_divided_by_class_and_seed():
    data = load_python_data((IMAGES, LABELS), PREPROCESSING, 0.3, seed=1)
    assert data.labels == ("0", "1", "2")
    assert data.validation is data.test
    assert data.validation.count_by_class == (2, 2, 2)
    both = content(data.train) + content(data.validation)
    assert sorted(both) == sorted(expected(IMAGES, LABELS))
    again = load_python_data((IMAGES, LABELS), PREPROCESSING, 0.3, seed=1)
    assert content(again.validation) == content(data.validation)
    other = load_python_data((IMAGES, LABELS), PREPROCESSING, 0.3, seed=2)
    assert content(other.validation) != content(data.validation)


@pytest.mark.parametrize(
    "part",
    [
        (IMAGES, LABELS),
        (IMAGES, LABELS[:, None].tolist()),
        (IMAGES.astype("float64"), np.eye(3)[LABELS]),
        (IMAGES, np.array(["0", "1", "2"])[LABELS]),
        pair(),
        pair().batch(7),
        pair(labels=np.eye(3, dtype="float32")[LABELS]).batch(7),
        pair(IMAGES.astype("float32"), LABELS[:, None].astype("uint8")),
    ],
    ids=[
        *("arrays", "lists", "one-hot", "names"),
        *("data set", "batches", "one-hot batches", "other types"),
    ],
)
def test_every_form_has_the_same_images(part):
    data = load_python_data({"train": part, "Test": part}, PREPROCESSING)
    assert data.validation is data.test
    assert content(data.train) == content(data.test) == expected(IMAGES, LABELS)
    assert data.train.count == 20 and data.train.count_by_class == (7, 7, 6)
    (images, labels), *_ = evaluation_batches(
        data.test, PREPROCESSING, 5, 3, standardized=False
    ).as_numpy_iterator()
    np.testing.assert_array_equal(images, IMAGES[:5])
    np.testing.assert_array_equal(labels.argmax(axis=1), LABELS[:5])


@pytest.mark.parametrize(
    "data",
    [(IMAGES, LABELS), {"train": pair(), "test": pair()}],
    ids=["arrays", "data set"],
)
def test_epochs_have_every_image_in_an_order_that_can_be_resumed(data):
    split = load_python_data(data, PREPROCESSING, 0.1).train

    def epochs(first):
        settings = Augmentation(crop="none", flip=False)
        batches = training_batches(
            split, PREPROCESSING, split.count, 3, settings, epochs=2, first_epoch=first
        )
        return [images for images, _ in batches.as_numpy_iterator()]

    one, two = epochs(0)
    np.testing.assert_array_equal(two, *epochs(1))
    assert (one != two).any()
    sums = [sorted(images.sum(axis=(1, 2, 3))) for images in (one, two)]
    assert sums[0] == sums[1] == sorted(count for count, _ in content(split))


def test_images_of_another_size_are_resized():
    data = load_python_data((IMAGES, LABELS), Preprocessing((3, 4, 3)), 0.3)
    (images, _), *_ = evaluation_batches(data.test, Preprocessing((3, 4, 3)), 2)
    assert images.shape == (2, 3, 4, 3)


def test_names_of_classes_can_be_given():
    data = {"train": (IMAGES, LABELS), "labels": ["ant", "bee", "cat"]}
    assert load_python_data(data, PREPROCESSING).labels == ("ant", "bee", "cat")
    names = np.array(["dog", "cat", "ant"])
    data = load_python_data((IMAGES, names[LABELS]), PREPROCESSING)
    assert data.labels == ("ant", "cat", "dog")


def test_keras_data_sets_of_folders_keep_their_class_names(tmp_path):
    for label in ("ant", "bee"):
        (tmp_path / label).mkdir()
        for i in range(3):
            png = tf.io.encode_png(IMAGES[i]).numpy()
            (tmp_path / label / f"{i}.png").write_bytes(png)
    dataset = keras.utils.image_dataset_from_directory(
        tmp_path, image_size=(6, 8), shuffle=False, verbose=False
    )
    data = load_python_data({"train": dataset, "validation": dataset}, PREPROCESSING)
    assert data.labels == ("ant", "bee")
    assert content(data.train)[:3] == expected(IMAGES[:3], [0, 0, 0])


@pytest.mark.parametrize(
    "data, message",
    [
        (([IMAGES], LABELS), r"shape \(images, height, width, 3\).*\(1, 20, 6, 8, 3\)"),
        ((IMAGES[..., :1], LABELS), r"np.repeat.*Received: \(20, 6, 8, 1\) in data"),
        ((IMAGES[..., 0], LABELS), r"Received: \(20, 6, 8\) in data"),
        ((IMAGES.astype("int32") + 1, LABELS), "to this range.*Received: 1 to 256"),
        ((IMAGES.astype("uint16") * 257, LABELS), "16 bits: divide them by 257.*65535"),
        ((IMAGES > 9, LABELS), r"convert them with images \* 255.*Received: bool"),
        ((IMAGES.astype("complex64"), LABELS), "astype\\('float32'\\).*complex64"),
        ((IMAGES / 255, LABELS), "multiply them by 255. Received: 0 to 1 in data"),
        ((IMAGES / 127.5 - 1, LABELS), r"undo the standardization.*Received: -1 to 1"),
        ((IMAGES * np.nan, LABELS), "from 0 to 255.*Received: nan to nan"),
        ((IMAGES[:5], LABELS), "one label per image.*5 images and 20 labels"),
        ((IMAGES, LABELS + 0.5), "Labels must be integers.*Received: float64"),
        ((IMAGES, LABELS - 1), "from 0 to 1.*Received: -1 to 1 in the train images"),
        (
            (IMAGES, LABELS * 2),
            "Each class needs training images.*of class 1",
        ),
        ((IMAGES, np.zeros((20, 3))), "must be one-hot.*Received"),
        ((IMAGES, np.eye(4)[LABELS]), "Each class needs training images.*class 3"),
        (pair(labels=np.eye(4)[LABELS]), "Each class needs training images.*class 3"),
        ((IMAGES, LABELS * 0), "two or more classes.*Received: 0"),
        (((IMAGES, LABELS), (IMAGES, LABELS)), "dictionary of them by split.*tuple"),
        (IMAGES, "These are not labelled images.*Received: ndarray as data"),
        ({"test": (IMAGES, LABELS)}, "no training images.*Received: test"),
        ({"holdout": (IMAGES, LABELS)}, "keys of `data`.*Received: .*holdout"),
        (
            {"train": (IMAGES, LABELS), "test": (IMAGES, LABELS + 1)},
            "no images of class 3",
        ),
        (
            {"train": (IMAGES, LABELS), "labels": ["ant", "bee"]},
            "from 0 to 1, .*ant, bee.*Received: 0 to 2",
        ),
        (
            {
                "train": (IMAGES, LABELS.astype(str)),
                "test": (IMAGES, ["emu"] * 20),
            },
            "test images have labels that are not classes.*0, 1, 2. Received: emu",
        ),
        (pair(), "Only arrays can be divided.*Received: one"),
        ({"train": pair().repeat(), "test": pair()}, r"leave out `repeat\(\)`"),
        (tf.data.Dataset.from_tensor_slices(IMAGES), r"pairs \(image, label\)"),
        (pair(labels=LABELS.astype(str)), "must be numbers of classes"),
        (pair(images=IMAGES / 255), "multiply them by 255"),
        (pair().take(0), "There are no images"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_remedy(data, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        load_python_data(data, PREPROCESSING)


def sized(labels, *sizes):
    """Return a data set of single images of different sizes."""
    pairs = [
        (np.full((size, size + 1, 3), 50 * i, "uint8"), label)
        for i, (size, label) in enumerate(zip(sizes, labels, strict=True))
    ]
    shape = np.shape(labels[0])
    return tf.data.Dataset.from_generator(
        lambda: iter(pairs),
        output_signature=(
            tf.TensorSpec((None, None, 3), tf.uint8),
            tf.TensorSpec([None] * len(shape), tf.int64),
        ),
    )


@pytest.mark.parametrize(
    "labels", [[0, 1, 0], [[1, 0], [0, 1], [1, 0]], [[0], [1], [0]]]
)
def test_images_of_a_data_set_can_have_different_sizes(labels):
    dataset = sized(labels, 9, 4, 20)
    data = load_python_data({"train": dataset, "test": dataset}, PREPROCESSING)
    assert [(x.shape[0], int(y)) for x, y in data.train.images] == [
        (9, 0),
        (4, 1),
        (20, 0),
    ]
    batches = evaluation_batches(data.train, PREPROCESSING, 2)
    assert [batch.shape for batch, _ in batches] == [(2, 6, 8, 3), (1, 6, 8, 3)]


def test_a_value_that_is_not_a_number_is_found_in_any_batch():
    images = IMAGES.astype("float32")
    images[15, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="from 0 to 255.*Received: nan"):
        load_python_data(
            {"train": pair(images).batch(4), "test": pair(images)}, PREPROCESSING
        )


def test_images_of_different_sizes_in_a_list_are_an_error():
    images = [np.zeros((6, 8, 3), "uint8"), np.zeros((5, 8, 3), "uint8")]
    with pytest.raises(ValueError, match="same size; resize them.*Received: data"):
        load_python_data((images, [0, 1]), PREPROCESSING)


def test_names_of_classes_fit_a_line():
    data = {"train": (IMAGES, LABELS), "labels": ["a", "b\nc", "d"]}
    with pytest.raises(ValueError, match=r"one line of text.*'b\\nc'"):
        load_python_data(data, PREPROCESSING)


def test_integers_of_any_size_are_pixels():
    data = load_python_data((IMAGES.astype("int64"), LABELS), PREPROCESSING, 0.1)
    expected = load_python_data((IMAGES, LABELS), PREPROCESSING, 0.1)
    assert content(data.train) == content(expected.train)
