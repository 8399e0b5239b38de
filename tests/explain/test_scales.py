"""Palettes are distinct with every kind of colour vision, and keep their order."""

import itertools

import matplotlib
import numpy as np
import pytest
from skimage.color import rgb2lab

from keras_resattn.explain.scales import DIVERGING_COLORS
from keras_resattn.explain.scales import EVIDENCE_COLORS
from keras_resattn.explain.scales import FEATURE_COLORS
from keras_resattn.explain.scales import MASK_COLORS
from keras_resattn.explain.scales import PATTERN_COLORS
from keras_resattn.explain.scales import feature_scale
from keras_resattn.explain.scales import pattern_color
from keras_resattn.explain.scales import pattern_colors
from keras_resattn.explain.scales import range_text
from keras_resattn.explain.scales import scale_around_mean

# Machado, Oliveira and Fernandes, 2009, severity 1.0: matrices for linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def seen(colors, vision):
    """Return colours `(n, 3)` in CIELAB, as a person with this vision sees them."""
    colors = np.asarray(colors, "float64")
    linear = np.where(
        colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4
    )
    linear = np.clip(linear @ VISION[vision].T, 0, 1)
    gamma = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return rgb2lab(gamma[None])[0]


@pytest.mark.parametrize("vision", VISION)
def test_pattern_colors_are_distinct(vision):
    colors = [pattern_color(k) for k in range(len(PATTERN_COLORS))]
    lab = seen([*colors, (0.97, 0.97, 0.97)], vision)
    for one, two in itertools.combinations(lab, 2):
        assert np.linalg.norm(one - two) > 25  # 2 is just noticeable


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("name", [MASK_COLORS, FEATURE_COLORS, EVIDENCE_COLORS])
def test_sequential_colors_become_lighter(vision, name):
    colors = matplotlib.colormaps[name](np.linspace(0, 1, 33))[:, :3]
    assert (np.diff(seen(colors, vision)[:, 0]) > -0.5).all()


@pytest.mark.parametrize("vision", VISION)
def test_diverging_colors_are_light_in_the_middle_and_differ_at_the_ends(vision):
    colors = matplotlib.colormaps[DIVERGING_COLORS](np.linspace(0, 1, 33))[:, :3]
    lab = seen(colors, vision)
    assert (np.diff(lab[:17, 0]) > -0.5).all() and (np.diff(lab[16:, 0]) < 0.5).all()
    for k in range(6):  # both sides of the middle, up to a third of the way in
        assert np.linalg.norm(lab[k] - lab[32 - k]) > 25


def test_a_stronger_pattern_is_less_pale():
    maps = np.zeros((5, 3))
    maps[:, 1] = np.linspace(0, 0.1, 5)
    colors = pattern_colors(maps, 0.1)
    distance = np.linalg.norm(colors - 0.97, axis=-1)
    assert (np.diff(distance) > 0).all() and distance[0] == 0
    np.testing.assert_allclose(colors[-1], pattern_color(1))


def test_scales_diverge_where_values_have_a_middle():
    assert feature_scale(np.array([-3.0, 1])) == (-3, 3, DIVERGING_COLORS)
    assert feature_scale(np.array([1.0, 4]), np.array([2.0])) == (1, 4, FEATURE_COLORS)
    low, high, _ = scale_around_mean([np.array([1.4, 1.5, 1.6])])
    assert (low + high) / 2 == pytest.approx(1.5)
    assert high == pytest.approx(1.6, abs=0.01)
    assert scale_around_mean([np.array([np.nan])]).limits == (0, 1)


def test_ranges_are_printed_and_flat_ones_named():
    assert range_text(np.array([1.42, 1.71]), "x") == "1.42x to 1.71x"
    assert range_text(np.array([0.49, 0.5])) == "nearly constant:\n0.49 to 0.50"
    assert range_text(np.array([np.nan, 1.0, 1.2]), "x") == "1.00x to 1.20x"
    assert range_text(np.array([np.nan])) == "no feature"
