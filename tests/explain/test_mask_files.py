"""`masks` draws the same figure as `explain`: the image as its file has it."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from keras_resattn.explain import first_figure
from keras_resattn.explain import write_explanations
from keras_resattn.explain.mask_files import write_masks


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    """A file that is wider and larger than the input of the network, 16 x 16."""
    path = tmp_path_factory.mktemp("photographs") / "5$ wide $6.jpg"
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), "uint8")
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("view", ["attention", "mean"])
def test_masks_and_explain_write_the_same_first_figure(
    model_folder, pictures, photograph, tmp_path, view
):
    paths = [*pictures, photograph]
    written = list(write_masks(model_folder, paths, tmp_path / "masks", view))
    write_explanations(model_folder, paths, tmp_path / "explained", view=view)
    assert len(written) == len(paths)
    for path in written:
        assert path.read_bytes() == (tmp_path / "explained" / path.name).read_bytes()


def test_the_image_has_the_shape_of_its_file_and_more_pixels_than_the_input(
    model_folder, photograph, tmp_path, monkeypatch
):
    calls, draw = [], first_figure.attention_figure

    def figure(images, amplification, patterns, titles, scales):
        calls.append((images, amplification, titles))
        return draw(images, amplification, patterns, titles, scales)

    monkeypatch.setattr(first_figure, "attention_figure", figure)
    preprocessing = dataclasses.replace(model_folder.preprocessing, aspect="squash")
    monkeypatch.setitem(model_folder.__dict__, "preprocessing", preprocessing)
    assert list(write_masks(model_folder, [photograph], tmp_path))
    [([image], amplification, [title])] = calls
    assert image.shape == (60, 90, 3)
    name, seen, predicted = title.split("\n")
    assert (name, seen) == ("5$ wide $6", "seen at 16 x 16, squashed")
    probabilities = model_folder.predict([photograph])[0]
    best = model_folder.labels[probabilities.argmax()]
    assert predicted == f"predicted: {best}, {probabilities.max():.0%}"
    write_explanations(model_folder, [photograph], tmp_path, figures=False)
    arrays = np.load(tmp_path / "arrays.npz")
    for module, values in amplification.items():
        expected = arrays[f"{module}_amplification"]
        np.testing.assert_allclose(values, expected, atol=1e-5)
