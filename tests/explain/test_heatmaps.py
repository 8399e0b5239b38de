import numpy as np
import pytest

import keras_resattn
from keras_resattn.explain import mask_figure
from keras_resattn.explain import mean_masks

MASKS = {
    "stage1_attention1": np.linspace(0.2, 0.8, 32, dtype="float32").reshape(2, 4, 4),
    "stage2_attention1": np.full((2, 2, 2), 0.5, "float32"),
}


def test_mean_masks_are_the_means_of_the_attention_masks(model_folder, pictures):
    inputs = model_folder.preprocessing.standardize(model_folder.images(pictures))
    heatmaps = mean_masks(model_folder.model, inputs)
    masks = keras_resattn.attention_masks(model_folder.model)(inputs, training=False)
    assert list(heatmaps) == [f"stage{i}_attention1" for i in (1, 2)]
    for name, mask in masks.items():
        np.testing.assert_allclose(
            heatmaps[name], np.asarray(mask).mean(axis=-1), atol=1e-5
        )


@pytest.mark.parametrize("channels", [1, 3])
def test_each_mask_lies_over_its_image_on_one_scale(channels):
    images = np.full((2, 16, 12, channels), 128.0)
    figure = mask_figure(images, MASKS, titles=["one", "two"])
    panels = [axis for axis in figure.axes if axis.get_images()]
    assert len(panels) == 2 * 3
    assert [axis.get_title() for axis in panels[:3]] == [
        "one",
        "stage1\nattention1",
        "stage2\nattention1",
    ]
    for row in (panels[1:3], panels[4:6]):
        for axis in row:
            picture, mask = axis.get_images()
            assert mask.get_clim() == (0, 1)
            assert mask.get_cmap().name == "viridis"
            assert list(mask.get_extent()) == [-0.5, 11.5, 15.5, -0.5]
            assert picture.get_array().shape[:2] == (16, 12)
    np.testing.assert_array_equal(
        panels[4].get_images()[1].get_array(), MASKS["stage1_attention1"][1]
    )


def test_the_range_of_a_mask_is_written_below_it():
    figure = mask_figure(np.zeros((2, 8, 8, 1)), MASKS)
    texts = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert texts == ["0.20 to 0.49", "0.50 to 0.50", "0.51 to 0.80", "0.50 to 0.50"]


def test_there_is_a_colour_bar_that_says_what_it_is():
    figure = mask_figure(np.zeros((2, 8, 8, 1)), MASKS)
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert "mask, mean over channels" in labels


def test_an_image_that_cannot_be_drawn_is_an_error():
    with pytest.raises(ValueError, match=r"1 or 3 channels.*Received.*\(8, 8, 2\)"):
        mask_figure(np.zeros((2, 8, 8, 2)), MASKS)
