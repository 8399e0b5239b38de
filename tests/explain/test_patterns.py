"""Mask patterns: what is planted in a mask is found."""

import itertools
import sys

import numpy as np
import pytest

from keras_resattn import explain
from keras_resattn.explain.patterns import top_channels

CHANNELS = 12


def planted(count=3, size=8, noise=0.0):
    """Masks with two patterns: the left half, and one row; strong and weak."""
    random = np.random.default_rng(0)
    mask = np.full((count, size, size, CHANNELS), 0.5)
    mask[:, :, : size // 2, :6] += 0.2
    mask[:, :, : size // 2, 6] -= 0.3
    mask[:, 2, :, 8:10] += 0.1
    return (mask + noise * random.normal(size=mask.shape)).astype("float32")


def correlation(one, two):
    return np.corrcoef(np.ravel(one), np.ravel(two))[0, 1]


def test_planted_patterns_are_found_with_their_channels():
    patterns = explain.mask_patterns(planted(), count=3)
    assert patterns.maps.shape == (3, 8, 8, 3)
    assert patterns.maps.dtype == np.float32
    left, row = np.zeros((3, 8, 8)), np.zeros((3, 8, 8))
    left[:, :, :4], row[:, 2] = 1, 1
    best = [
        max(correlation(patterns.maps[..., k], place) for k in range(3))
        for place in (left, row)
    ]
    assert min(best) > 0.95
    k = np.argmax([correlation(patterns.maps[..., k], left) for k in range(3)])
    assert top_channels(patterns.basis, k, 1) == "6-"
    assert set(np.argsort(-patterns.basis.raised[k])[:6]) == set(range(6))


def test_shares_are_ordered_parts_of_the_variance():
    mask = planted(noise=0.02)
    patterns = explain.mask_patterns(mask, count=4)
    basis = patterns.basis
    assert (np.diff(basis.shares) <= 0).all()
    assert 0.8 < basis.shares.sum() <= 1
    # Together they are what a least squares reconstruction explains.
    deviation = np.concatenate(
        [(mask - basis.means).clip(0), (basis.means - mask).clip(0)], -1
    )
    parts = np.concatenate([basis.raised, basis.lowered], axis=1)
    rebuilt = patterns.maps @ parts * CHANNELS
    left_over = np.square(deviation - rebuilt).sum() / np.square(deviation).sum()
    assert basis.shares.sum() == pytest.approx(1 - left_over, abs=0.01)


def test_maps_are_in_units_of_the_mask():
    patterns = explain.mask_patterns(planted(), count=4)
    mask = planted()
    total = np.abs(mask - patterns.basis.means).mean(axis=-1)
    np.testing.assert_allclose(patterns.maps.sum(axis=-1), total, atol=0.02)


def test_the_seed_hardly_changes_patterns(model_folder, inputs):
    for mask in explain.masks(model_folder.model, inputs).values():
        first, *others = (explain.mask_patterns(mask, 3, seed) for seed in range(3))
        for other in others:
            np.testing.assert_allclose(
                other.basis.shares, first.basis.shares, atol=0.02
            )
            for k in range(3):
                alike = correlation(other.maps[..., k], first.maps[..., k])
                assert alike > 0.98


def test_a_pattern_is_the_same_in_every_image_of_a_set():
    mask = planted(count=4, noise=0.02)
    together = explain.mask_patterns(mask)
    for i in range(4):
        alone = explain.apply_patterns(mask[i : i + 1], together.basis)
        np.testing.assert_allclose(alone.maps[0], together.maps[i], atol=1e-4)
    batches = explain.fit_patterns([mask[:1], mask[1:]])
    np.testing.assert_allclose(batches.shares, together.basis.shares, atol=1e-6)


def test_a_constant_mask_has_no_pattern():
    patterns = explain.mask_patterns(np.full((1, 4, 4, 6), 0.5), count=3)
    assert not patterns.maps.any() and not patterns.basis.shares.any()
    assert top_channels(patterns.basis, 0) == ""
    assert np.isfinite(patterns.basis.raised).all()


def test_masks_of_the_wrong_shape_are_named():
    with pytest.raises(ValueError, match=r"\(N, h, w, C\).*Received.*\(4, 4, 6\)"):
        explain.mask_patterns(np.zeros((4, 4, 6)))
    with pytest.raises(ValueError, match="`count` must be.*Received: count=0"):
        explain.mask_patterns(planted(), count=0)


def test_scikit_learn_is_asked_for_before_any_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)

    def masks():
        raise AssertionError("a mask was read")
        yield

    with pytest.raises(ImportError, match=r"Finding mask patterns.*\[vis\].*sklearn"):
        explain.fit_patterns(masks())


def test_figures_draw_a_module_on_one_scale():
    random = np.random.default_rng(0)
    images = random.uniform(0, 255, (2, 16, 16, 3))
    maps = {"stage1_attention1": random.uniform(1.3, 1.7, (2, 8, 8))}
    maps["stage2_attention1"] = np.full((2, 4, 4), 1.5) + 0.001 * random.random(
        (2, 4, 4)
    )
    patterns = {name: explain.mask_patterns(planted(2), 2) for name in maps}
    figure = explain.attention_figure(images, maps, patterns, ["one", "two"])
    drawn = [axis for axis in figure.axes if axis.get_images()]
    limits = [axis.get_images()[0].get_clim() for axis in drawn[1::5]]
    assert limits[0] == limits[1]
    low, high = limits[0]
    assert (low + high) / 2 == pytest.approx(maps["stage1_attention1"].mean(), abs=1e-3)
    texts = [text.get_text() for axis in figure.axes for text in axis.texts]
    first = maps["stage1_attention1"][0]
    assert f"{first.min():.2f}x to {first.max():.2f}x" in texts
    assert texts.count("nearly constant:\n1.50x to 1.50x") == 2
    flat = drawn[3].get_images()[0]
    shades = flat.cmap(flat.norm(flat.get_array()))[..., :3]
    assert shades.min() > 0.8  # noise is not stretched over all colours
    with pytest.raises(ValueError, match="Pass `amplification`, `patterns` or both"):
        explain.attention_figure(images)


def test_patterns_apart_name_their_channels():
    patterns = explain.mask_patterns(planted(2), 3)
    images = np.zeros((2, 16, 16, 1))
    figure = explain.pattern_figure(images, patterns, "stage1_attention1")
    titles = [axis.get_title() for axis in figure.axes]
    for k in range(3):
        share = f"pattern {k + 1}: {patterns.basis.shares[k]:.0%}"
        assert f"{share}\n{top_channels(patterns.basis, k)}" in titles
    clims = {
        axis.get_images()[0].get_clim()
        for row in (figure.axes[2:5], figure.axes[7:10])
        for axis in row
    }
    assert len(clims) == 1


def test_hues_of_patterns_do_not_repeat_within_five():
    from keras_resattn.explain.scales import pattern_color

    colors = [pattern_color(k) for k in range(5)]
    assert all(a != b for a, b in itertools.combinations(colors, 2))
