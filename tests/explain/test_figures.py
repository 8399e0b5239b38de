"""Figure 1, the grid of channels, the gallery: what they draw and print."""

import numpy as np
import pytest

from keras_resattn.explain import Triptych
from keras_resattn.explain import attention_figure
from keras_resattn.explain import channel_grid_figure
from keras_resattn.explain import gallery_figure
from keras_resattn.explain import mask_patterns
from keras_resattn.explain import triptych_figure
from keras_resattn.explain.figures.triptych import fusion

RNG = np.random.default_rng(0)
IMAGES = np.full((2, 16, 12, 3), 128.0)
UNIFORM = {"viridis", "magma", "inferno", "gray", "RdBu_r"}


def triptych(rule="energy", channels=(3, 14), module="stage1_attention1"):
    before = RNG.normal(size=(2, 4, 4)).astype("float32")
    mask = RNG.random((2, 4, 4), "float32")
    channels = None if channels is None else np.array(channels)
    return Triptych(before, mask, (1 + mask) * before, module, channels, rule)


def texts(figure):
    """Return everything that is printed on a figure."""
    parts = [figure.get_supxlabel(), figure.get_suptitle()]
    for axis in figure.axes:
        parts += [axis.get_title(), axis.get_ylabel()]
        parts += [text.get_text() for text in axis.texts]
    return " ".join(parts).replace("\n", " ")


def panels(figure):
    return [axis for axis in figure.axes if axis.get_images() and not bar(axis)]


def bar(axis):
    return axis.get_label() == "<colorbar>"


def test_before_and_after_are_on_one_scale_and_the_mask_on_0_to_1():
    drawn = triptych()
    figure = triptych_figure(IMAGES, drawn, ["one", "two"])
    assert len(panels(figure)) == 2 * 4
    for i in range(2):
        image, *maps = (
            axis.get_images()[0] for axis in panels(figure)[4 * i : 4 * i + 4]
        )
        assert image.get_array().shape == (16, 12, 3)
        before, mask, after = maps
        values = np.stack([drawn.before[i], drawn.after[i]])
        assert before.get_clim() == after.get_clim()
        reach = abs(values).max()  # the features have both signs
        assert before.get_clim() == pytest.approx((-reach, reach))
        assert mask.get_clim() == (0, 1)
        for panel, expected in zip(maps, drawn[:3], strict=True):
            np.testing.assert_array_equal(panel.get_array(), expected[i])
            assert panel.get_cmap().name in UNIFORM
            assert list(panel.get_extent()) == [-0.5, 11.5, 15.5, -0.5]
    assert sum(map(bar, figure.axes)) == 2 * 2


def test_the_formula_and_the_ratio_are_printed():
    drawn = triptych()
    printed = texts(triptych_figure(IMAGES, drawn))
    assert "after = (1 + mask) x before" in printed
    low, high = 1 + drawn.mask[0].min(), 1 + drawn.mask[0].max()
    assert f"after / before: {low:.2f}x to {high:.2f}x" in printed
    naive = drawn._replace(after=drawn.mask * drawn.before)
    assert "after = mask x before" in texts(triptych_figure(IMAGES, naive))
    means = drawn._replace(after=drawn.after + 1)  # as means over channels have none
    assert "after =" not in texts(triptych_figure(IMAGES, means))


def test_channel_rule_and_what_a_mask_is_not_are_printed():
    printed = texts(triptych_figure(IMAGES, triptych(), ["one", "two"]))
    for text in ("one", "two", "stage1_attention1", "channel 3", "channel 14"):
        assert text in printed
    assert "energy: the channel with the highest mean square" in printed
    assert "not evidence for a class" in printed
    printed = texts(triptych_figure(IMAGES, triptych("all", None)))
    assert "all channels" in printed and "mean over all channels" in printed
    printed = texts(triptych_figure(IMAGES, triptych("index", (7, 7))))
    assert "channel 7" in printed and "given index" in printed


def test_several_modules_have_a_row_each():
    both = [triptych(), triptych(module="stage2_attention1")]
    figure = triptych_figure(IMAGES, both)
    titles = [axis.get_title() for axis in panels(figure)[::4]]
    assert titles == ["image\nstage1_attention1", "image\nstage2_attention1"] * 2


def test_a_triptych_of_other_images_is_an_error():
    with pytest.raises(ValueError, match="Received: 2 of triptych.mask and 1 images"):
        triptych_figure(IMAGES[:1], triptych())


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("variance", lambda mask: -mask.var((0, 1))),
        ("mean", lambda mask: -mask.mean((0, 1))),
        ("max", lambda mask: -mask.max((0, 1))),
        ("saturation", lambda mask: -((mask < 0.05) | (mask > 0.95)).mean((0, 1))),
        ("index", lambda mask: np.arange(10)),
    ],
)
def test_pages_show_every_channel_once_in_order(sort, key):
    mask = RNG.random((4, 6, 10), "float32") ** 3
    order = np.argsort(key(mask), kind="stable")
    shown = []
    for page in (1, 2, 3):
        figure = channel_grid_figure(
            mask, "stage1_attention1", page, per_page=4, columns=2, sort=sort
        )
        (axis,) = panels(figure)
        assert f"by {sort}, page {page} of 3" in texts(figure)
        for picture, text in zip(axis.get_images(), axis.texts, strict=True):
            channel = int(text.get_text().split("\n")[0])
            shown.append(channel)
            np.testing.assert_array_equal(picture.get_array(), mask[..., channel])
            assert picture.get_clim() == (0, 1)
            assert picture.get_cmap().name in UNIFORM
    assert shown == order.tolist()


def test_the_grid_prints_mean_and_saturation():
    mask = np.full((2, 2, 2), 0.5, "float32")
    mask[0, 0, 1] = 0.99
    figure = channel_grid_figure(mask, "stage1_attention1", sort="index")
    printed = texts(figure)
    assert "0 0.50, 0%" in printed and "1 0.62, 25%" in printed
    assert "below 0.05 or above 0.95" in printed
    assert "in all 2 channels: 12%" in printed
    assert "not evidence for a class" in printed


def test_a_grid_that_cannot_be_is_named():
    mask = np.zeros((4, 4, 10))
    with pytest.raises(ValueError, match="integer from 1 to 3. Received: page=4"):
        channel_grid_figure(mask, "stage1_attention1", page=4, per_page=4)
    with pytest.raises(ValueError, match=r"one image.*Received.*\(1, 4, 4, 10\)"):
        channel_grid_figure(mask[None], "stage1_attention1")
    with pytest.raises(ValueError, match="`sort` must be one of"):
        channel_grid_figure(mask, "stage1_attention1", sort="colour")


def test_a_gallery_takes_what_kerass_gallery_takes(tmp_path):
    images = np.zeros((3, 8, 8, 3), "float32")
    images[1] = 1
    path = tmp_path / "gallery.png"
    figure = gallery_figure(
        images,
        masks=RNG.random((3, 4, 4)),
        y_true=[0, 1, 1],
        y_pred=np.array([0, 0, 5]),
        label_map={0: "cat", 1: "dog"},
        cols=2,
        value_range=(0, 1),
        path=path,
    )
    shown = panels(figure)
    assert len(shown) == 3
    assert [axis.get_title() for axis in shown] == [
        "Label: cat\nPred: cat",
        "Label: dog\nPred: cat",
        "Label: dog\nPred: Unknown",
    ]
    assert shown[1].get_images()[0].get_array().min() == 1
    assert shown[1].get_images()[1].get_clim() == (0, 1)
    assert "not evidence for a class" in texts(figure)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_gallery_shows_all_images_if_rows_and_columns_are_not_given():
    for count in (1, 2, 5, 7):
        assert len(panels(gallery_figure(np.zeros((count, 4, 4, 1))))) == count
    first = gallery_figure(np.zeros((3, 1, 4, 6)), data_format="channels_first")
    assert panels(first)[0].get_images()[0].get_array().shape == (4, 6)


def test_a_gallery_that_cannot_be_is_named():
    with pytest.raises(ValueError, match="Received: label_map=None"):
        gallery_figure(IMAGES, y_true=[0, 1])
    with pytest.raises(ValueError, match="Received: 1 of masks and 2 images"):
        gallery_figure(IMAGES, np.zeros((1, 4, 4)))


def test_a_gallery_names_masks_that_hardly_vary():
    masks = np.full((2, 4, 4), 0.5)
    masks[1, 0, 0] = 0.9
    figure = gallery_figure(np.zeros((2, 4, 4, 3)), masks=masks)
    texts = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert texts == ["nearly constant:\n0.50 to 0.50", "0.50 to 0.90"]


def test_no_formula_is_printed_that_is_not_certain():
    random = np.random.default_rng(0)
    before, mask = random.random((2, 8, 8))
    assert fusion(before, mask, mask * before)[0] == "after = mask x before"
    assert fusion(before, mask, (1 + mask) * before)[0].startswith("after = (1 + mask)")
    small = before / 10_000
    assert fusion(small, mask, mask * small) == (None, None)


def test_a_mask_of_both_signs_has_no_saturation():
    mask = np.linspace(-1, 1, 32, dtype="float32").reshape(4, 4, 2)
    printed = texts(channel_grid_figure(mask, "stage1_attention1"))
    assert "its index and its mean." in printed and "saturated" not in printed


def test_patterns_without_amplification_are_drawn():
    patterns = mask_patterns(RNG.random((1, 8, 8, 6), "float32"), count=2)
    amplification = {"stage1_attention1": np.ones((1, 4, 4), "float32")}
    figure = attention_figure(
        IMAGES[:1], amplification, {"stage2_attention1": patterns}
    )
    assert "stage1 attention1 amplification" in texts(figure)
    assert "stage2 attention1 mask patterns" in texts(figure)
