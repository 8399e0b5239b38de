import re
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resattn.atomic_writing import write_beside
from keras_resattn.model_folder import ModelFolder


@pytest.fixture
def copy(model_folder, tmp_path):
    shutil.copytree(model_folder.path, tmp_path / "run")
    return ModelFolder.open(tmp_path / "run")


def test_predictions_are_the_same_in_batches_and_alone(model_folder, pictures):
    together = model_folder.predict(pictures, batch_size=2)
    alone = [model_folder.predict([path])[0] for path in pictures]
    assert together.shape == (5, 2)
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="keras-resattn train.*Received: .*none"
    ):
        ModelFolder.open(tmp_path / "none")


@pytest.mark.parametrize("name", ["model.keras", "recipe.yaml", "labels.txt"])
def test_a_folder_that_lacks_a_file_is_an_error(copy, name):
    (copy.path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"It lacks {name}"):
        ModelFolder.open(copy.path)


def test_a_broken_model_is_an_error(copy):
    (copy.path / "model.keras").write_bytes(b"broken")
    with pytest.raises(
        ValueError, match="cannot be loaded as a model.*Received: .*model.keras"
    ):
        _ = ModelFolder.open(copy.path).model


def test_a_model_with_an_unknown_class_names_it_in_whole_sentences(copy):
    @keras.saving.register_keras_serializable(package="mine")
    class Scaled(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    shape = ModelFolder.open(copy.path).model.input_shape[1:]
    keras.Sequential([keras.Input(shape), Scaled()]).save(copy.path / "model.keras")
    del keras.saving.get_custom_objects()["mine>Scaled"]
    pattern = (
        r"as a model: Keras does not know its class 'Scaled'\. For a layer of "
        r"your own.*--allow-code\. Received: .*model\.keras$"
    )
    with pytest.raises(ValueError, match=pattern):
        _ = ModelFolder.open(copy.path).model


def test_labels_of_another_number_are_an_error(copy):
    (copy.path / "labels.txt").write_text("a\nb\nc\n")
    with pytest.raises(ValueError, match="2 outputs, but labels.txt has 3 lines"):
        _ = ModelFolder.open(copy.path).model


def test_a_missing_image_is_an_error(model_folder, pictures):
    with pytest.raises(FileNotFoundError, match="no such file.*Received: missing.png"):
        model_folder.predict([pictures[0], "missing.png"])


@pytest.mark.parametrize(
    ("image", "received"),
    [
        (None, "NoneType"),
        (b"abc", "bytes"),
        ([b"abc"], "bytes"),
        (np.ones((8, 8, 3), bool), "an array of type bool"),
    ],
)
def test_what_is_not_an_image_is_an_error(model_folder, image, received):
    with pytest.raises(ValueError, match=f"a path, a PIL.*Received: {received}"):
        model_folder.predict(image)


def test_what_is_written_beside_comes_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "file.txt"
    write_beside(path, lambda beside: beside.write_text("whole"))
    assert path.read_text() == "whole"

    def fail(beside):
        beside.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_beside(path, fail)
    assert path.read_text() == "whole"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_a_folder_without_a_rule_of_resizing_squashes(copy):
    recipe = copy.path / "recipe.yaml"
    lines = recipe.read_text().splitlines()
    recipe.write_text("\n".join(line for line in lines if "resize:" not in line))
    assert len(recipe.read_text().splitlines()) == len(lines) - 1
    assert ModelFolder.open(copy.path).preprocessing.aspect == "squash"


def test_images_are_resized_by_the_rule_of_the_recipe(copy, tmp_path):
    recipe = copy.path / "recipe.yaml"
    text = recipe.read_text()
    pixels = np.zeros((16, 48, 3), "uint8")
    pixels[:, 16:32] = 200  # the middle
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    means = {}
    for resize in ("squash", "crop", "pad"):
        recipe.write_text(re.sub(r"resize: \w+", f"resize: {resize}", text))
        images = ModelFolder.open(copy.path).images([tmp_path / "wide.png"])
        assert images.shape == (1, 16, 16, 3)
        means[resize] = images.mean()
    assert means["crop"] == 200
    assert means["squash"] == pytest.approx(200 / 3, abs=3)
    assert means["pad"] == pytest.approx(200 / 9, abs=3)
