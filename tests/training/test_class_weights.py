import numpy as np
import pytest
import tensorflow as tf

from keras_resattn import training
from keras_resattn.data import load
from keras_resattn.data.labelled_images import Split
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.training.class_weights import class_weights
from keras_resattn.training.class_weights import count_labels
from keras_resattn.training.class_weights import weighted
from tests.training.recipes import changed


def split(labels):
    labels = np.array(labels, "int64")
    images = np.zeros((len(labels), 2, 2, 1), "uint8")
    return Split(tf.data.Dataset.from_tensor_slices((images, labels)), len(labels))


def test_images_are_counted_by_class_decoded_or_not(photos):
    assert count_labels(split([0, 2, 2, 2]), 4).tolist() == [1, 0, 3, 0]
    folder = load(str(photos), Preprocessing((8, 8, 3)))
    counts = count_labels(folder.train, 2)
    assert counts.sum() == folder.train.count
    assert counts.tolist() == [18, 18]


def test_balanced_weights_have_a_mean_of_one_per_image():
    images = split([0, 1, 1, 1])
    weights = class_weights("balanced", images, ("rare", "common", "absent"))
    np.testing.assert_allclose(weights[:2], [2, 2 / 3])
    assert np.mean(weights[[0, 1, 1, 1]]) == pytest.approx(1)


def test_given_weights_are_by_name_and_one_by_default():
    weights = class_weights({"cat": 3, "dog": 0}, split([0]), ("cat", "dog", "emu"))
    assert weights.tolist() == [3, 0, 1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cow": 2}, "names of classes: cat, dog. Received: cow"),
        ({"cat": 0, "dog": 0}, "above 0.*Received: {'cat': 0"),
    ],
)
def test_wrong_weights_are_named(given, message):
    with pytest.raises(ValueError, match=message):
        class_weights(given, split([0]), ("cat", "dog"))


def test_mixed_labels_have_mixed_weights():
    labels = np.array([[1, 0], [0.25, 0.75]], "float32")
    batches = tf.data.Dataset.from_tensors((np.zeros((2, 1)), labels))
    [(_, _, found)] = weighted(batches, np.array([2, 4], "float32"))
    np.testing.assert_allclose(found, [2, 3.5])


def test_a_class_of_weight_zero_is_not_learnt(small_recipe, tmp_path):
    settings = {
        "train.class_weights": {"bright": 0.0},
        "train.label_smoothing": 0.1,
        "train.epochs": 20,
        "train.learning_rate": 0.1,
    }
    folder = training.fit(
        changed(small_recipe, settings), tmp_path / "run", callbacks=[]
    )
    confusion = np.array(training.evaluate(folder).confusion)
    assert confusion[:, 1].sum() == confusion.sum()  # every image is called dark


def test_balanced_weights_change_nothing_for_equal_classes(
    small_recipe, model_folder, tmp_path
):
    recipe = changed(small_recipe, {"train.class_weights": "balanced"})
    folder = training.fit(recipe, tmp_path / "run", callbacks=[])
    for one, other in zip(
        folder.model.get_weights(), model_folder.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-4)
