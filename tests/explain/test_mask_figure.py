import numpy as np
import pytest

from keras_resattn.explain import mask_figure
from keras_resattn.explain import masked_images

MASKS = {
    "stage1_attention1": np.linspace(0.2, 0.8, 32, dtype="float32").reshape(2, 4, 4),
    "stage2_attention1": np.full((2, 2, 2), 0.5, "float32"),
}


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
    assert texts == [
        "0.20 to 0.49",
        "nearly constant:\n0.50 to 0.50",
        "0.51 to 0.80",
        "nearly constant:\n0.50 to 0.50",
    ]


def test_there_is_a_colour_bar_that_says_what_it_is():
    figure = mask_figure(np.zeros((2, 8, 8, 1)), MASKS)
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert "mask, mean over channels" in labels


def test_a_stretched_mask_takes_all_colours():
    figure = mask_figure(np.zeros((2, 8, 8, 1)), MASKS, stretch=True)
    drawn = [axis.get_images()[1].get_array() for axis in figure.axes[1:3]]
    assert (drawn[0].min(), drawn[0].max()) == (0, 1)
    assert (drawn[1] == 0.5).all()  # nearly constant: not stretched
    assert figure.axes[1].texts[0].get_text() == "0.20 to 0.49"
    assert "lowest" in figure.get_supxlabel()


def test_a_masked_image_is_the_image_times_its_mask():
    images = [np.full((4, 6, 3), 200.0), np.full((8, 8, 1), 100.0)]
    mask = np.stack([np.full((2, 2), 0.5), [[0, 0], [1, 1]]])
    first, second = masked_images(images, mask)
    np.testing.assert_allclose(first, np.full((4, 6, 3), 100.0))
    assert (second[:2].max(), second[6:].min()) == (0, 100)
    figure = mask_figure(images, {"stage1_attention1": mask}, style="masked")
    drawn = figure.axes[1].get_images()[0].get_array()
    np.testing.assert_allclose(drawn, first / 255)


def test_contours_go_around_the_highest_values():
    mask = np.zeros((1, 8, 8))
    mask[0, 2:4, 5:7] = 1
    figure = mask_figure(
        np.zeros((1, 8, 8, 1)), {"stage1_attention1": mask}, style="contour"
    )
    assert len(figure.axes[1].collections) == 4  # two lines, outlined
    for line in figure.axes[1].collections:
        points = line.get_paths()[0].vertices
        assert points[:, 0].min() > 3.5 and points[:, 1].max() < 4.5
    constant = {"stage1_attention1": np.full((1, 2, 2), 0.5)}
    figure = mask_figure(np.zeros((1, 8, 8, 1)), constant, style="contour")
    assert not figure.axes[1].collections


def test_images_of_unlike_sizes_keep_their_shapes():
    images = [np.zeros((8, 16, 3)), np.zeros((20, 10, 1))]
    figure = mask_figure(images, MASKS)
    figure.draw_without_rendering()
    shapes = [figure.axes[i].get_window_extent() for i in (0, 1, 3, 4)]
    ratios = [shape.height / shape.width for shape in shapes]
    assert ratios == pytest.approx([0.5, 0.5, 2, 2], rel=0.01)


def test_class_evidence_stands_beside_in_other_colours():
    evidence = {"grad_cam": np.random.default_rng(0).random((2, 8, 8))}
    figure = mask_figure(np.zeros((2, 8, 8, 1)), MASKS, evidence=evidence)
    panels = [axis for axis in figure.axes if len(axis.get_images()) == 2]
    assert len(panels) == 2 * 3
    assert panels[2].get_title() == "Grad-CAM"
    colours = [panel.get_images()[1].get_cmap().name for panel in panels[:3]]
    assert colours == ["viridis", "viridis", "inferno"]
    assert "class evidence" in [axis.get_ylabel() for axis in figure.axes]


@pytest.mark.parametrize("style", ["overlay", "masked", "contour"])
def test_the_caption_says_that_a_mask_is_no_evidence(style):
    figure = mask_figure(np.zeros((2, 8, 8, 1)), MASKS, style=style)
    assert "not evidence for a class" in figure.get_supxlabel().replace("\n", " ")


def test_masks_of_minus_one_to_one_are_drawn_so():
    masks = {"stage1_attention1": np.linspace(-1, 1, 8).reshape(2, 2, 2)}
    figure = mask_figure(np.zeros((2, 8, 8, 1)), masks)
    assert figure.axes[1].get_images()[1].get_clim() == (-1, 1)


def test_wrong_arguments_are_named():
    images = np.zeros((2, 8, 8, 1))
    with pytest.raises(ValueError, match="`style` must be one of.*jet"):
        mask_figure(images, MASKS, style="jet")
    with pytest.raises(ValueError, match="`titles`.*Received: 1 of titles and 2"):
        mask_figure(images, MASKS, titles=["one"])


def test_an_image_that_cannot_be_drawn_is_an_error():
    with pytest.raises(ValueError, match=r"1 or 3 channels.*Received.*\(8, 8, 2\)"):
        mask_figure(np.zeros((2, 8, 8, 2)), MASKS)


@pytest.mark.parametrize(
    ("count", "shape", "message"),
    [
        (3, (2, 4, 4), "Received"),
        (1, (8, 4, 4), "Received"),
        (2, (2, 4, 4, 6), r"Average masks.*\(2, 4, 4, 6\) for 'a'"),
        (2, None, "at least one module.*masks={}"),
    ],
)
def test_masks_that_do_not_fit_the_images_are_errors(count, shape, message):
    images = np.full((count, 8, 8, 3), 99.0)
    masks = {} if shape is None else {"a": np.zeros(shape)}
    with pytest.raises(ValueError, match=message):
        mask_figure(images, masks)


def test_contours_of_an_image_of_one_row_are_drawn():
    mask = np.linspace(0, 1, 16).reshape(1, 4, 4)
    image = np.full((1, 40, 3), 99.0)
    figure = mask_figure([image], {"a": mask}, style="contour")
    figure.canvas.draw()
