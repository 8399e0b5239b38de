import sys

import matplotlib
import numpy as np
import PIL.Image
import pytest

from keras_resattn import explain
from keras_resattn.data.fashion_mnist_sample.builder import FOLDER
from keras_resattn.data.fashion_mnist_sample.builder import read_idx
from keras_resattn.explain import pictures as html
from keras_resattn.explain.scales import feature_scale
from keras_resattn.explain.scales import pattern_colors
from keras_resattn.explore import examples
from keras_resattn.explore.content import MEAN
from keras_resattn.explore.content import Content
from keras_resattn.explore.content import message
from tests.explore.conftest import pixels_in

NAME = "stage2_attention1"


def colored(values, color_map="viridis"):
    return matplotlib.colormaps[color_map](values, bytes=True)[..., :3]


@pytest.fixture
def content(explorer):
    return Content(explorer)


@pytest.fixture
def image(explorer, pictures):
    return explorer.look(pictures[0])


@pytest.mark.parametrize("channel", [MEAN, 0, 5])
def test_a_mask_has_the_colours_of_its_values(
    content, image, model_folder, inputs, channel
):
    mask = explain.masks(model_folder.model, inputs[:1])[NAME][0]
    mask = mask.mean(axis=-1) if channel == MEAN else mask[..., channel]
    shown = content.mask(image, NAME, channel)
    below, above = pixels_in(shown)
    grey = image.pixels.mean(axis=-1).round()
    np.testing.assert_array_equal(below, grey)
    np.testing.assert_allclose(above.astype(int), colored(mask), atol=3)
    assert f"<strong>{NAME}</strong>" in shown
    assert f"{mask.min():.2f} to {mask.max():.2f}</span>" in shown
    assert ("nearly constant" in shown) == (np.ptp(mask) < 0.02)
    which = "mean over" if channel == MEAN else f"channel {channel} of 0 to "
    assert f"<span>{which}" in shown


def test_stretched_colours_reach_from_end_to_end(content, image):
    _, above = pixels_in(content.mask(image, NAME, MEAN, stretch=True))
    ends = {tuple(color) for color in colored(np.array([0.0, 1.0]))}
    assert ends <= {tuple(color) for color in above.reshape(-1, 3)}
    assert "lowest value" in content.image(image, stretch=True)


def test_before_and_after_are_on_one_scale_and_the_mask_on_0_to_1(
    content, explorer, image
):
    triptych = explorer.triptych(image, NAME, 2)
    before, mask, after = pixels_in(content.triptych(image, NAME, 2))
    scale = feature_scale(triptych.before, triptych.after)
    low, high = scale.limits
    np.testing.assert_array_equal(mask, colored(triptych.mask[0]))
    for shown, values in ((before, triptych.before), (after, triptych.after)):
        expected = colored((values[0] - low) / (high - low), scale.colors)
        np.testing.assert_array_equal(shown, expected)
    text = content.triptych(image, NAME, 2)
    assert f"<span>{low:.2f}</span>" in text
    assert "after = (1 + mask) x before" in text and "ratio: 1." in text


def test_the_overview_shows_what_explain_computes(content, image, model_folder, inputs):
    shown = content.overview(image)
    maps = explain.amplification(model_folder.model, inputs[:1])
    masks = explain.masks(model_folder.model, inputs[:1])
    drawn = pixels_in(shown)
    assert len(drawn) == 2 * len(maps)
    for i, (name, values) in enumerate(maps.items()):
        assert f"{name}: amplification" in shown
        assert f"{values.min():.2f}x to {values.max():.2f}x" in shown
        basis = explain.fit_patterns([masks[name]])
        patterns = explain.apply_patterns(masks[name], basis).maps[0]
        expected = 255 * pattern_colors(patterns, basis.strong)
        np.testing.assert_allclose(drawn[2 * i + 1], expected, atol=2)
    assert "found in this image" in shown


def test_negative_masks_are_on_minus_1_to_1(content, image):
    negative = {name: -array for name, array in image.features.items()}
    image = image._replace(features=negative)
    _, above = pixels_in(content.mask(image, NAME, 0))
    mask = negative[f"{NAME}/mask"][0, ..., 0]
    np.testing.assert_array_equal(above, colored((mask + 1) / 2))
    assert "<span>-1</span>" in content.image(image)


def test_every_picture_says_what_it_shows(content, image):
    shown = content.triptych(image, NAME, 1)
    for part in ("feature before", "mask", "feature after"):
        assert f'alt="{part}, channel 1 of 0 to ' in shown


def test_small_images_are_enlarged_with_visible_pixels():
    small, large = np.zeros((8, 8, 3), "uint8"), np.zeros((224, 224, 3), "uint8")
    assert 'class="cells"' in html.picture(small, "")
    assert 'class="smooth"' in html.picture(large, "")


def test_text_is_text_not_html():
    evil = '<script>alert("1")</script>'
    pixels = np.zeros((2, 2, 3), "uint8")
    shown = [message(evil), html.figure("", evil, evil), html.picture(pixels, evil)]
    for part in [*shown, html.scale(evil, (evil, evil))]:
        assert "<script>" not in part and '"1"' not in part


def test_the_examples_for_grey_images_are_of_the_bundled_sample(tmp_path):
    paths = examples.example_images(1, tmp_path)
    images = read_idx(FOLDER / "test-images-idx3-ubyte.xz")
    assert [path.name for path in paths[:2]] == ["t-shirt_top.png", "trouser.png"]
    assert len(paths) == 10
    for path in paths:
        pixels = np.asarray(PIL.Image.open(path))
        assert (pixels == images).all(axis=(1, 2)).sum() == 1


def test_photographs_that_are_missing_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ImportError, match=r"pip install .*\[explore\]"):
        examples.example_images(3, tmp_path)
