"""Figures are readable: no text is cut off, none is written over another."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from keras_resattn import experiments
from keras_resattn import explain

RNG = np.random.default_rng(0)
SIZES = {"square": (32, 32), "wide": (20, 40), "tall": (40, 20)}


def images(count, size=(32, 32)):
    return RNG.uniform(0, 255, (count, *size, 3))


def masks(count, modules=3):
    return {f"stage{i}_attention1": RNG.random((count, 8, 8)) for i in range(modules)}


def triptych(count, module):
    maps = [RNG.random((count, 8, 8)) - 100 for _ in range(3)]
    maps[1] += 100
    return explain.Triptych(*maps, module, np.full(count, 123), "gradient")


def texts(figure):
    """Return the texts of a figure with the boxes that they are drawn in."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if not (axes.axison and low <= tick.get_loc() <= high):
                    hidden |= {tick.label1, tick.label2}
    return [
        (text.get_text(), text.get_window_extent(canvas.get_renderer()))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text not in hidden
    ]


def check(figure):
    found = texts(figure)
    assert len(found) > 3
    (left, bottom), (right, top) = figure.bbox.get_points()
    for text, box in found:
        inside = left <= box.x0 and box.x1 <= right and bottom <= box.y0
        assert inside and box.y1 <= top, f"{text!r} is cut off"
    for (one, box), (two, other) in combinations(found, 2):
        apart = box.x1 <= other.x0 or other.x1 <= box.x0
        apart = apart or box.y1 <= other.y0 or other.y1 <= box.y0
        assert apart, f"{one!r} is over {two!r}"


def test_what_is_cut_off_or_over_another_is_found():
    for places, problem in (
        ([(0.1, 0.2), (0.1, 0.4), (0.1, 0.6), (0.98, 0.8)], "cut off"),
        ([(0.1, 0.2), (0.1, 0.4), (0.1, 0.6), (0.11, 0.61)], "over"),
    ):
        figure = Figure()
        for place in places:
            figure.text(*place, "a text")
        with pytest.raises(AssertionError, match=problem):
            check(figure)


@pytest.mark.parametrize("evidence", [(), ("grad_cam", "grad_cam_plus_plus")])
@pytest.mark.parametrize("style", ["overlay", "masked", "contour"])
@pytest.mark.parametrize(("count", "size"), [(1, "square"), (1, "tall"), (3, "wide")])
def test_the_figure_of_masks(count, size, style, evidence):
    evidence = {method: RNG.random((count, 8, 8)) for method in evidence}
    titles = ["label: automobile\npredicted: automobile, 100%"] * count
    pictures = images(count, SIZES[size])
    options = {"style": style, "evidence": evidence, "stretch": True}
    check(explain.mask_figure(pictures, masks(count), titles, **options))


def test_a_name_that_is_not_utf_8_has_a_mark_in_it():
    figure = explain.mask_figure(images(1), masks(1), ["caf\udce9.jpg"])
    check(figure)
    assert "caf\ufffd.jpg" in [axis.get_title() for axis in figure.axes]


def test_masks_of_many_modules_go_on_in_the_next_line():
    evidence = {"grad_cam": RNG.random((2, 8, 8))}
    shown = masks(2, modules=9)
    figure = explain.mask_figure(images(2), shown, ["one", "two"], evidence=evidence)
    check(figure)
    panels = [axis for axis in figure.axes if axis.get_images()]
    titles = [axis.get_title().replace("\n", "_") for axis in panels]
    assert titles == ["one", *shown, "Grad-CAM", "two", *shown, "Grad-CAM"]
    columns = {round(axis.get_position().x0, 2) for axis in panels}
    assert len(columns) == 1 + 5


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "name", ["photo", "IMG_2026_" * 20, "W" * 25, "two words " * 9]
)
def test_titles_of_any_length(name, size):
    titles = [f"{name}\nseen at 32 x 32, squashed\npredicted: automobile, 91% (unsure)"]
    picture, evidence = images(1, SIZES[size]), {"grad_cam": RNG.random((1, 8, 8))}
    check(explain.mask_figure(picture, {}, titles, evidence=evidence))
    maps = {module: 1.5 + mask / 10 for module, mask in masks(1).items()}
    patterns = explain.mask_patterns(RNG.random((1, 6, 6, 8)))
    check(explain.attention_figure(picture, maps, None, titles))
    check(explain.pattern_figure(picture, patterns, "stage1_attention1", titles))
    check(explain.triptych_figure(picture, triptych(1, "stage1_attention1"), [name]))


def test_a_figure_of_class_evidence_does_not_speak_of_masks():
    evidence = {"grad_cam": RNG.random((1, 8, 8))}
    for shown, expected in (({}, False), (masks(1), True)):
        figure = explain.mask_figure(images(1), shown, evidence=evidence)
        caption = " ".join(figure.get_supxlabel().split())
        assert caption.startswith("Class evidence: ")
        assert ("It is not evidence for a class." in caption) == expected


@pytest.mark.parametrize("size", SIZES)
def test_the_triptych(size):
    modules = [triptych(2, "stage1_attention1"), triptych(2, "stage3_attention1")]
    titles = ["label: automobile\npredicted: automobile, 100%"] * 2
    check(explain.triptych_figure(images(2, SIZES[size]), modules, titles))


@pytest.mark.parametrize(("shape", "columns"), [((8, 8, 64), 8), ((6, 12, 5), 2)])
def test_the_grid_of_channels(shape, columns):
    mask = RNG.random(shape)
    check(explain.channel_grid_figure(mask, "stage1_attention1", columns=columns))


@pytest.mark.parametrize("count", [2, 6])
def test_the_gallery(count):
    classes = np.zeros(count, int)
    options = {"y_true": classes, "y_pred": classes, "label_map": {0: "automobile"}}
    shown = RNG.random((count, 8, 8))
    check(explain.gallery_figure(images(count), shown, **options))


def test_the_responses():
    blocks = [
        f"stage{i}_attention{j}_{block}"
        for i in (1, 2, 3)
        for j in (1, 2, 3, 4)
        for block in ("pre1", "trunk", "residual", "post1")
    ]
    responses = {block: RNG.random(9) + i for i, block in enumerate(blocks)}
    networks = {"residual": responses, "naive": responses}
    check(experiments.response_figure(networks, title="Attention-164"))


@pytest.mark.parametrize(("count", "size"), [(1, "tall"), (3, "wide")])
@pytest.mark.parametrize("modules", [1, 3, 4])
def test_amplification_and_patterns(count, size, modules):
    maps = {name: 1.5 + mask / 10 for name, mask in masks(count, modules).items()}
    patterns = {
        name: explain.mask_patterns(RNG.random((count, 6, 6, 8))) for name in maps
    }
    titles = ["NAME\npredicted: automobile, 100%"] * count
    pictures = images(count, SIZES[size])
    check(explain.attention_figure(pictures, maps, patterns, titles))
    check(explain.attention_figure(pictures, patterns=patterns))
    apart = next(iter(patterns.values()))
    check(explain.pattern_figure(pictures, apart, "stage1_attention1", titles))


def test_a_dollar_sign_in_a_title_begins_no_formula():
    titles = ["5$ and 6$"]
    figure = explain.mask_figure(images(1), masks(1), titles)
    assert figure.axes[0].get_title() == r"5\$ and 6\$"
    check(figure)
