import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from keras_resattn.explain import metrics
from keras_resattn.explain.metrics.imputation import noisy_linear_imputation

IMAGE = np.array([[4, 3], [2, 1]], "float32")[None, :, :, None] / 10
MAP = IMAGE[..., 0]


def predict_sum(images):
    """The confidence is the sum of the pixels."""
    confidence = images.sum(axis=(1, 2, 3))
    return np.stack([confidence, 1 - confidence], axis=1)


def test_the_curves_of_a_sum_of_pixels_are_those_computed_by_hand():
    curve, area = metrics.deletion(predict_sum, IMAGE, MAP, [0], steps=4)
    np.testing.assert_allclose(curve, [[1, 0.6, 0.3, 0.1, 0]], atol=1e-6)
    np.testing.assert_allclose(area, [0.375], atol=1e-6)
    curve, area = metrics.insertion(predict_sum, IMAGE, MAP, [0], steps=4)
    np.testing.assert_allclose(curve, [[0, 0.4, 0.7, 0.9, 1]], atol=1e-6)
    np.testing.assert_allclose(area, [0.625], atol=1e-6)
    _, worst = metrics.deletion(predict_sum, IMAGE, -MAP, [0], steps=4)
    np.testing.assert_allclose(worst, [0.625], atol=1e-6)


def test_deleted_pixels_become_the_baseline():
    curve, _ = metrics.deletion(predict_sum, IMAGE, MAP, [0], steps=1, baseline=0.25)
    np.testing.assert_allclose(curve, [[1, 1]], atol=1e-6)
    curve, _ = metrics.deletion(predict_sum, IMAGE, MAP, [0], steps=1, baseline=0.1)
    np.testing.assert_allclose(curve, [[1, 0.4]], atol=1e-6)


def test_average_drop_and_increase_are_those_computed_by_hand():
    shown = np.array([[[1, 0], [0, 0]]], "float32")
    drop = metrics.average_drop(predict_sum, IMAGE, shown, [0])
    np.testing.assert_allclose(drop, [0.6], atol=1e-6)
    assert metrics.increase_in_confidence(predict_sum, IMAGE, shown, [0]) == 0
    assert metrics.increase_in_confidence(predict_sum, IMAGE, shown, [1]) == 1


def test_an_imputed_pixel_is_the_weighted_mean_of_its_neighbours():
    image = np.arange(9, dtype="float32").reshape(1, 3, 3, 1) ** 2
    removed = np.zeros((1, 3, 3), bool)
    removed[0, 1, 1] = True
    rng = np.random.default_rng(0)
    imputed = noisy_linear_imputation(image, removed, rng, noise=0)
    direct, diagonal = 1 + 9 + 25 + 49, 0 + 4 + 36 + 64
    np.testing.assert_allclose(imputed[0, 1, 1, 0], direct / 6 + diagonal / 12)
    imputed[0, 1, 1] = image[0, 1, 1]
    np.testing.assert_array_equal(imputed, image)


def test_a_plain_image_is_imputed_as_it_was():
    image = np.full((1, 8, 8, 3), 0.5, "float32")
    removed = np.random.default_rng(0).random((1, 8, 8)) < 0.8
    imputed = noisy_linear_imputation(image, removed, np.random.default_rng(0), 0)
    np.testing.assert_allclose(imputed, image, atol=1e-5)


def test_road_removes_the_most_relevant_first():
    image = np.zeros((1, 8, 8, 1), "float32")
    image[0, 2:4, 2:4] = 0.25  # 4 of 64 pixels
    maps = image[..., 0]
    best, mean = metrics.road(predict_sum, image, maps, [0], percentiles=(6.25, 50))
    worst, _ = metrics.road(predict_sum, image, -maps, [0], percentiles=(6.25, 50))
    assert abs(best[0]).max() < 0.2 < 0.8 < worst[0].min()
    np.testing.assert_allclose(mean, best.mean(axis=1))


def test_the_pointing_game_and_the_energy_in_a_box():
    maps = np.zeros((2, 4, 6))
    maps[:, 1, 4], maps[:, 3, 0] = 3, 1
    boxes = [[0, 3, 2, 6], [2, 0, 4, 3]]
    assert metrics.pointing_game(maps, boxes).tolist() == [1, 0]
    assert metrics.pointing_game(maps, boxes, tolerance=2).tolist() == [1, 1]
    assert metrics.energy_in_box(maps, boxes).tolist() == [0.75, 0.25]


def test_the_statistics_of_masks_are_those_computed_by_hand():
    flat, two = np.full((4, 4), 0.5), np.repeat([0.01, 0.6], 8).reshape(4, 4)
    statistics = metrics.mask_statistics(np.stack([flat, two]))
    np.testing.assert_allclose(statistics["mean"], [0.5, 0.305])
    np.testing.assert_allclose(statistics["entropy"], [0, 1 / 5])
    np.testing.assert_allclose(statistics["saturation"], [0, 0.5])


def test_the_baselines_know_nothing_of_an_image():
    maps = metrics.baseline_maps((3, 8, 6))
    assert [array.shape for array in maps.values()] == [(3, 8, 6)] * 2
    gaussian = maps["gaussian"]
    np.testing.assert_array_equal(gaussian, gaussian[:, ::-1, ::-1])
    assert gaussian.max() == gaussian[0, 4, 3] == 1
    assert len(np.unique(maps["random"])) == maps["random"].size


def test_maps_that_look_at_the_image_alone_fail_the_sanity_check():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(2))
    before = model.get_weights()
    images = np.random.default_rng(0).random((2, 4, 4))
    alike = metrics.parameter_randomization(model, lambda _: images)
    np.testing.assert_allclose(alike, 1, atol=1e-6)

    def weights(model):
        return model.get_weights()[0][:, 0].reshape(1, 4, 4)

    assert abs(metrics.parameter_randomization(model, weights)) < 0.9
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_only_the_order_of_a_map_counts_and_the_curves_mirror(seed, steps):
    rng = np.random.default_rng(seed)
    images = rng.random((2, 4, 4, 1)).astype("float32") / 16
    maps = rng.permutation(32).reshape(2, 4, 4).astype("float32")
    curve, area = metrics.deletion(predict_sum, images, maps, [0, 1], steps)
    again, _ = metrics.deletion(predict_sum, images, maps**3 - 7, [0, 1], steps)
    np.testing.assert_allclose(curve, again)
    assert (curve.min(axis=1) - 1e-6 <= area).all()
    assert (area <= curve.max(axis=1) + 1e-6).all()
    inserted, _ = metrics.insertion(predict_sum, images, maps, [0, 1], steps)
    np.testing.assert_allclose(
        curve[0] + inserted[0], images[0].sum(), atol=1e-5
    )  # the model is linear


@pytest.mark.parametrize("metric", [metrics.deletion, metrics.average_drop])
def test_what_cannot_be_measured_is_an_error(metric):
    with pytest.raises(ValueError, match=r"`maps` .*Received.*\(1, 3, 3\)"):
        metric(predict_sum, IMAGE, np.zeros((1, 3, 3)), [0])
    with pytest.raises(ValueError, match="finite"):
        metric(predict_sum, IMAGE, MAP * np.nan, [0])
    with pytest.raises(ValueError, match="classes.*Received"):
        metric(predict_sum, IMAGE, MAP, [0, 1])


def test_logits_are_not_taken_for_probabilities():
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(2, bias_initializer=keras.initializers.Constant(9)))
    for predict in (metrics.predictor(model), model.predict):
        with pytest.raises(ValueError, match="must return probabilities.*Received: "):
            metrics.average_drop(predict, IMAGE, MAP, [0])


def test_fractions_are_not_taken_for_percentages():
    for percentiles in ((0.2, 0.4, 0.8), (-5, 50), (50, 101)):
        with pytest.raises(ValueError, match="from 0 to 100.*Received"):
            metrics.road(predict_sum, IMAGE, MAP, [0], percentiles)
    curve, _ = metrics.road(predict_sum, IMAGE, MAP, [0], (0, 25))
    assert curve[0, 0] == pytest.approx(1, abs=1e-6)


def test_maps_of_other_shapes_are_not_compared():
    with pytest.raises(ValueError, match=r"same shape.*\(1, 4, 9\) and \(5, 6, 6\)"):
        metrics.rank_correlation(np.zeros((1, 4, 9)), np.zeros((5, 6, 6)))


def test_a_box_has_an_inside():
    with pytest.raises(ValueError, match="top < bottom.*Received"):
        metrics.pointing_game(MAP, [[1, 0, 0, 2]])


def test_statistics_of_masks_need_numbers_and_bins():
    with pytest.raises(ValueError, match="0 to 1. Received: values from nan"):
        metrics.mask_statistics(np.full((1, 2, 2), np.nan))
    with pytest.raises(ValueError, match="2 or more. Received: bins=1"):
        metrics.mask_statistics(np.zeros((1, 2, 2)), bins=1)


def test_randomization_leaves_the_standardization_and_the_mark_of_pixels():
    standardize = keras.layers.Normalization(mean=[100.0], variance=[25.0])
    adapted = keras.layers.Normalization()
    adapted.adapt(np.linspace(0, 255, 64).reshape(4, 4, 4, 1))
    images = keras.Input((4, 4, 1))
    x = keras.layers.Flatten()(standardize(adapted(images)))
    model = keras.Model(images, keras.layers.Dense(3)(x))
    model.takes_pixels = True
    seen = []

    def explain(other):
        seen.append(other)
        return np.random.default_rng(len(seen)).random((2, 4, 4))

    metrics.parameter_randomization(model, explain)
    original, copy = seen
    assert copy.takes_pixels and copy is not original
    pixels = np.full((1, 4, 4, 1), 200, "float32")
    for one in (0, 1):
        np.testing.assert_allclose(
            copy.layers[1 + one](pixels), original.layers[1 + one](pixels)
        )
    before, after = model.get_weights()[-2], copy.get_weights()[-2]
    assert (before != after).any()
    np.testing.assert_array_equal(np.sort(before, None), np.sort(after, None))
