import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data import evaluation_batches
from keras_resattn.data import load
from keras_resattn.data import sample_batches
from keras_resattn.data import steps_per_epoch
from keras_resattn.data import training_batches
from keras_resattn.data.sources import Split
from keras_resattn.recipes.settings import Augmentation

PREPROCESSING = Preprocessing((8, 8, 1), mean=100.0, std=50.0)
NOTHING = Augmentation(crop="none", flip=False)


def numbered(count=10):
    """A split of images whose pixels all have the value of their label."""
    labels = np.arange(count)
    images = np.broadcast_to(labels[:, None, None, None], (count, 8, 8, 1))
    pairs = (images.astype("uint8"), labels.astype("int64"))
    return Split(tf.data.Dataset.from_tensor_slices(pairs), count)


def arrays(batches):
    return [(x.numpy(), y.numpy()) for x, y in batches]


def train(split, batch_size, **arguments):
    batches = training_batches(split, PREPROCESSING, batch_size, 100, **arguments)
    return [(images, labels.argmax(axis=-1)) for images, labels in arrays(batches)]


def assert_equal_batches(left, right):
    assert len(left) == len(right)
    for pair in zip(left, right, strict=True):
        for one, other in zip(*pair, strict=True):
            np.testing.assert_array_equal(one, other)


def test_evaluation_is_in_order_whole_and_standardized():
    batches = arrays(evaluation_batches(numbered(), PREPROCESSING, 4))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    labels = np.concatenate([labels for _, labels in batches])
    images = np.concatenate([images for images, _ in batches])
    np.testing.assert_array_equal(labels, np.arange(10))
    assert images.dtype == "float32"
    np.testing.assert_allclose(images[:, 0, 0, 0], (labels - 100) / 50, rtol=1e-6)


def labels_in_samples(*arguments, **options):
    batches = arrays(sample_batches(numbered(), PREPROCESSING, *arguments, **options))
    for images, labels in batches:
        np.testing.assert_allclose(images[:, 0, 0, 0], (labels - 100) / 50, rtol=1e-6)
    return [labels.tolist() for _, labels in batches]


def test_samples_are_every_image_once_in_an_order_that_follows_from_the_seed():
    batches = labels_in_samples(4)
    order = sum(batches, [])
    assert [len(labels) for labels in batches] == [4, 4, 2]
    assert sorted(order) == list(range(10)) != order
    assert labels_in_samples(4) == batches != labels_in_samples(4, seed=1)
    assert labels_in_samples(4, limit=3) == [order[:3]]
    assert labels_in_samples(4, limit=99) == batches


def test_samples_of_a_folder_are_decoded_and_resized(photos):
    preprocessing = Preprocessing((8, 8, 3))
    data = load(str(photos), preprocessing)
    [(images, labels)] = arrays(sample_batches(data.test, preprocessing, 4))
    assert images.shape == (4, 8, 8, 3)
    # Bright pictures are of class 0.
    assert ((images.mean((1, 2, 3)) > 0) == (labels == 0)).all()


def test_evaluation_without_standardization_keeps_the_pixels():
    batches = evaluation_batches(
        numbered(), PREPROCESSING, 4, classes=10, standardized=False
    )
    images, labels = arrays(batches)[-1]
    assert images.dtype == "uint8"
    assert images[:, 3, 3, 0].tolist() == [8, 9]
    np.testing.assert_array_equal(labels, np.eye(10)[8:])


def test_an_epoch_is_whole_batches_of_images_that_occur_once():
    batches = train(numbered(100), 30, epochs=2)
    assert len(batches) == 2 * steps_per_epoch(numbered(100), 30) == 6
    for epoch in (batches[:3], batches[3:]):
        labels = np.concatenate([labels for _, labels in epoch])
        assert len(set(labels)) == 90
        assert labels.tolist() != sorted(labels)


def test_the_shapes_and_types_of_batches_are_known():
    batches = training_batches(numbered(), PREPROCESSING, 4, classes=10, epochs=3)
    images, labels = batches.element_spec
    assert images == tf.TensorSpec((4, 8, 8, 1), tf.uint8)
    assert labels == tf.TensorSpec((4, 10), tf.float32)
    assert len(batches) == 6


def test_a_run_goes_on_with_the_same_batches():
    whole = train(numbered(20), 6, epochs=5)
    keras.utils.set_random_seed(5)
    rest = train(numbered(20), 6, epochs=5, first_epoch=3)
    assert_equal_batches(whole[3 * 3 :], rest)


@pytest.mark.parametrize(
    "rand_augment", [None, pytest.param({}, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "crop", ["pad", pytest.param("resized", marks=pytest.mark.slow)]
)
def test_a_run_of_all_augmentations_goes_on_with_the_same_batches(
    photos, crop, rand_augment
):
    preprocessing = Preprocessing((16, 16, 3))
    split = load(str(photos), preprocessing).train
    augmentation = Augmentation(
        crop=crop, color_jitter=0.3, mixup=0.5, cutmix=0.5, rand_augment=rand_augment
    )

    def run(**arguments):
        batches = training_batches(
            split, preprocessing, 12, 2, augmentation, epochs=3, **arguments
        )
        assert batches.element_spec[0] == tf.TensorSpec((12, 16, 16, 3), tf.float32)
        return arrays(batches)

    whole = run()
    assert_equal_batches(whole[6:], run(first_epoch=2))
    assert (whole[0][0] != whole[3][0]).any()
    assert (whole[0][0] != run(seed=1)[0][0]).any()
    for images, labels in whole:
        assert 0 <= images.min() and images.max() <= 255.001
        np.testing.assert_allclose(labels.sum(axis=-1), 1, rtol=1e-5)


def test_batches_follow_from_the_seed():
    first, second, other = (train(numbered(50), 50, seed=seed) for seed in (1, 1, 2))
    assert_equal_batches(first, second)
    assert first[0][1].tolist() != other[0][1].tolist()


def test_the_global_seed_neither_counts_nor_changes():
    def following(seed):
        tf.random.set_seed(seed)
        return tf.random.uniform(()).numpy()

    expected = following(7)
    first = train(numbered(20), 10)
    assert following(7) == expected
    tf.random.set_seed(7)
    second = train(numbered(20), 10)
    assert tf.random.uniform(()).numpy() == expected
    assert_equal_batches(first, second)


def test_epochs_differ_in_order_and_augmentation():
    first, second = train(numbered(20), 20, epochs=2)
    assert first[1].tolist() != second[1].tolist()
    by_label = [dict(zip(y, x.tolist(), strict=True)) for x, y in (first, second)]
    assert by_label[0] != by_label[1]


def test_devices_share_the_batches():
    for batches in (
        training_batches(numbered(), PREPROCESSING, 5, classes=10),
        evaluation_batches(numbered(), PREPROCESSING, 5),
    ):
        policy = batches.options().experimental_distribute.auto_shard_policy
        assert policy == tf.data.experimental.AutoShardPolicy.DATA


def test_images_are_read_once_for_all_epochs(tmp_path):
    reads = tmp_path / "reads"

    def read(image, label):
        tf.print(label, output_stream=f"file://{reads}")
        return image, label

    split = numbered(10)
    split = Split(split.images.map(read), split.count)
    train(split, 5, epochs=3)
    assert len(reads.read_text().splitlines()) == 10


def test_crops_pad_with_zeros_and_keep_the_size():
    ones = Split(
        tf.data.Dataset.from_tensor_slices(
            (np.full((200, 8, 8, 1), 100, "uint8"), np.zeros(200, "int64"))
        ),
        200,
    )
    augmentation = Augmentation(crop_padding=2, flip=False)
    ((images, _),) = train(ones, 200, augmentation=augmentation)
    assert images.shape == (200, 8, 8, 1)
    assert set(np.unique(images)) == {0, 100}
    black = (images == 0).mean(axis=(1, 2, 3))
    assert black.min() == 0
    assert black.max() == pytest.approx(1 - 36 / 64)


def test_flips_reverse_the_columns_of_about_half():
    ramp = np.broadcast_to(np.arange(8, dtype="uint8")[:, None], (400, 8, 8, 1))
    pairs = (ramp, np.zeros(400, "int64"))
    split = Split(tf.data.Dataset.from_tensor_slices(pairs), 400)
    ((images, _),) = train(split, 400, augmentation=Augmentation(crop="none"))
    flipped = images[:, 0, 0, 0] > images[:, 0, -1, 0]
    assert 120 < flipped.sum() < 280
    np.testing.assert_array_equal(images[flipped][0], images[~flipped][0][:, ::-1])


def test_no_augmentation_leaves_the_pixels():
    ((images, labels),) = train(numbered(), 10, augmentation=NOTHING)
    assert images.dtype == "uint8"
    np.testing.assert_array_equal(images[:, 3, 4, 0], labels)


def test_a_split_smaller_than_a_batch_is_one_batch():
    batches = train(numbered(5), 64)
    assert [len(labels) for _, labels in batches] == [5]
