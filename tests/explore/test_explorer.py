import dataclasses

import keras
import numpy as np
import pytest

from keras_resattn import explain
from keras_resattn.data import Preprocessing
from keras_resattn.explain.evidence import class_evidence
from keras_resattn.explore import Explorer
from keras_resattn.zoo import NETWORKS


def test_the_classes_are_those_of_the_model(explorer, model_folder, pictures):
    for path in pictures:
        (expected,) = model_folder.predict([path])
        image = explorer.look(path)
        np.testing.assert_allclose(image.probabilities, expected, atol=1e-6)
        ranked = explorer.most_probable(image)
        assert list(ranked) == [model_folder.labels[i] for i in np.argsort(-expected)]
        assert list(ranked.values()) == pytest.approx(sorted(expected)[::-1], abs=1e-6)


def test_the_masks_are_those_of_explain(explorer, model_folder, pictures, inputs):
    for i, path in enumerate(pictures):
        # One by one, as the explorer looks: batches of another size round otherwise.
        masks = explain.masks(model_folder.model, inputs[i : i + 1])
        means = explain.mean_masks(model_folder.model, inputs[i : i + 1])
        channels = {name: mask.shape[-1] for name, mask in masks.items()}
        assert explorer.channels == channels
        image = explorer.look(path)
        for name, mask in masks.items():
            np.testing.assert_allclose(image.features[f"{name}/mask"], mask, atol=1e-6)
            shown = explorer.triptych(image, name, "all").mask
            np.testing.assert_allclose(shown, means[name], atol=1e-6)


@pytest.mark.parametrize("channel", ["all", 3, "energy", "variance", "gradient"])
def test_the_triptych_is_that_of_explain(
    explorer, model_folder, pictures, inputs, channel
):
    for name in explorer.channels:
        expected = explain.feature_triptych(
            model_folder.model, inputs[:1], name, channel
        )
        shown = explorer.triptych(explorer.look(pictures[0]), name, channel)
        assert (shown.module, shown.rule) == (expected.module, expected.rule)
        if channel != "all":
            assert shown.channels.tolist() == expected.channels.tolist()
        for ours, theirs in zip(shown[:3], expected[:3], strict=True):
            assert ours.dtype == np.float32
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_evidence_is_that_of_explain(explorer, model_folder, pictures, inputs):
    for number in range(2):
        expected = class_evidence(model_folder.model, inputs[:1], classes=[number])[0]
        shown = explorer.evidence(pictures[0], number)
        np.testing.assert_allclose(shown, expected, atol=1e-5)


def test_an_image_is_shown_at_the_networks_size(explorer, model_folder, pictures):
    image = explorer.look(pictures[0])
    pixels = model_folder.images(pictures[:1])[0]
    assert image.pixels.shape == (16, 16, 3) and image.pixels.dtype == np.uint8
    np.testing.assert_allclose(image.pixels, pixels, atol=0.5)


def test_an_image_is_computed_once(explorer, pictures):
    assert explorer.look(pictures[1]) is explorer.look(pictures[1])


@pytest.mark.parametrize(
    "name, reason",
    {
        "text.png": "not a PNG, JPEG, GIF, BMP or WebP image.*8 B and",
        "empty.png": "empty",
        "cut.png": "cut off",
        "huge.png": "too large.*8000 x 8000",
    }.items(),
)
def test_a_bad_file_is_an_error_that_says_why(explorer, bad_files, name, reason):
    with pytest.raises(ValueError, match=f"^The file .*{reason}"):
        explorer.look(bad_files[name])


def test_grey_images_are_shown_as_they_are(pictures):
    grey = Preprocessing((16, 16, 1))
    model = NETWORKS["tiny"].network(input_shape=(16, 16, 1), classes=2)
    image = Explorer(model, ["bright", "dark"], grey).look(pictures[0])
    assert image.pixels.shape == (16, 16, 1)


def test_a_model_without_masks_is_an_error(model_folder):
    images = keras.Input((16, 16, 3))
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
    with pytest.raises(ValueError, match="has none.*Received: model="):
        Explorer(model, ["a", "b", "c"], model_folder.preprocessing)


def test_images_that_cannot_be_shown_are_an_error(model_folder):
    four = dataclasses.replace(model_folder.preprocessing, input_shape=(16, 16, 4))
    with pytest.raises(ValueError, match=r"1 or 3 channels.*Received: .*\(16, 16, 4\)"):
        Explorer(model_folder.model, model_folder.labels, four)


def test_the_first_image_is_fast_after_warming_up(model_folder, monkeypatch):
    from keras_resattn.explore import explorer as module

    folder = model_folder
    explorer = Explorer(folder.model, folder.labels, folder.preprocessing)
    read, explained = [], []
    monkeypatch.setattr(explorer, "_read", lambda inputs: read.append(inputs.shape))
    monkeypatch.setattr(
        module, "class_evidence", lambda *args, **options: explained.append(args[2])
    )
    explorer.warm_up()
    assert read == [(1, *folder.preprocessing.input_shape)]
    assert explained == ["grad_cam"]


def test_patterns_and_scales_are_found_in_the_examples(
    model_folder, pictures, bad_files, inputs
):
    folder = model_folder
    examples = [bad_files["text.png"], *pictures[:2]]
    explorer = Explorer(folder.model, folder.labels, folder.preprocessing, examples)
    assert explorer.shared_reference.images == 2
    image = explorer.look(pictures[2])
    maps = explain.amplification(folder.model, inputs[2:3])
    for name, values in maps.items():
        found = explorer.patterns(image, name)
        assert found.basis is explorer.shared_reference.patterns[name]
        assert found.maps.shape == (*image.features[f"{name}/mask"].shape[:3], 4)
        np.testing.assert_allclose(
            explorer.amplification(image, name), values[0], rtol=1e-5
        )


def test_without_a_readable_example_the_reference_is_that_of_the_image(
    model_folder, pictures, bad_files
):
    folder = model_folder
    examples = [bad_files["text.png"]]
    explorer = Explorer(folder.model, folder.labels, folder.preprocessing, examples)
    explorer.warm_up()
    assert explorer.shared_reference is None
    assert explorer.reference(explorer.look(pictures[0])).images == 1


@pytest.mark.parametrize("usual", [0.0, 1.1])
def test_an_image_of_an_unlikely_class_gets_a_notice(model_folder, pictures, usual):
    folder = model_folder
    explorer = Explorer(
        folder.model, folder.labels, folder.preprocessing, usual_confidence=usual
    )
    image = explorer.look(pictures[0])
    prediction = explorer.prediction(image)
    label = folder.labels[image.probabilities.argmax()]
    assert prediction.startswith(f"The most probable class is {label}.")
    assert ("Unsure: 95 % of the test images" in prediction) == (usual > 1)
