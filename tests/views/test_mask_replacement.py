import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import attention_masks
from keras_resattn import feature_maps
from keras_resattn import with_masks
from keras_resattn.views.mask_replacement import MaskReplacement

RNG = np.random.default_rng(0)
IMAGES, OTHERS = RNG.random((2, 3, 16, 16, 1))


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras_resattn.create_model(
        "tiny", input_shape=(16, 16, 1), classes=4, classifier_activation=None
    )


def predict(model, *inputs):
    return model.predict(list(inputs) if len(inputs) > 1 else inputs[0], verbose=0)


def test_masks_of_one_double_the_trunk(model):
    maps = predict(feature_maps(with_masks(model, "ones")), IMAGES)
    for i in (1, 2):
        assert (maps[f"stage{i}_attention1_mask"] == 1).all()
        np.testing.assert_allclose(
            maps[f"stage{i}_attention1_fused"],
            2 * maps[f"stage{i}_attention1_trunk"],
            rtol=1e-6,
        )


def test_mean_masks_are_constant_over_an_image_and_keep_its_mean(model):
    name = "stage1_attention1"
    masks = predict(attention_masks(with_masks(model, "mean")), IMAGES)[name]
    whole = predict(attention_masks(model), IMAGES)[name]
    assert np.ptp(masks, axis=(1, 2, 3)).max() == 0
    np.testing.assert_allclose(
        masks[:, 0, 0, 0], whole.mean((1, 2, 3)), rtol=1e-5, atol=1e-6
    )


def test_shuffled_channels_are_the_masks_channels_in_another_order(model):
    name = "stage1_attention1"
    shuffled = predict(attention_masks(with_masks(model, "shuffled_channels")), IMAGES)
    whole = predict(attention_masks(model), IMAGES)[name]
    assert np.abs(shuffled[name] - whole).max() > 0.1
    np.testing.assert_allclose(
        np.sort(shuffled[name], axis=-1), np.sort(whole, axis=-1), atol=1e-5
    )


def test_another_seed_is_another_order(model):
    first = predict(with_masks(model, "shuffled_channels", seed=0), IMAGES)
    again = predict(with_masks(model, "shuffled_channels", seed=0), IMAGES)
    other = predict(with_masks(model, "shuffled_channels", seed=9), IMAGES)
    np.testing.assert_allclose(first, again, rtol=1e-4)
    assert np.abs(first - other).max() > 1e-2 * np.abs(first).max()


def test_masks_of_another_image(model):
    swapped = with_masks(model, "other_image")
    logits = predict(model, IMAGES)
    scale = np.abs(logits).max()
    np.testing.assert_allclose(
        predict(swapped, IMAGES, IMAGES), logits, atol=1e-4 * scale
    )
    assert np.abs(predict(swapped, IMAGES, OTHERS) - logits).max() > 1e-2 * scale
    masks = attention_masks(swapped).predict([IMAGES, OTHERS], verbose=0)
    theirs = predict(attention_masks(model), OTHERS)
    for name, mask in theirs.items():
        np.testing.assert_allclose(masks[name], mask, atol=1e-4)


def test_masks_of_one_module_alone(model):
    second = with_masks(model, "ones", modules=["stage2_attention1"])
    masks = predict(attention_masks(second), IMAGES)
    own = predict(attention_masks(model), IMAGES)["stage1_attention1"]
    np.testing.assert_allclose(masks["stage1_attention1"], own, atol=1e-5)
    assert (masks["stage2_attention1"] == 1).all()


def test_masks_of_another_image_in_one_module_alone(model):
    second = with_masks(model, "other_image", modules=["stage2_attention1"])
    logits = predict(model, IMAGES)
    scale = np.abs(logits).max()
    np.testing.assert_allclose(
        predict(second, IMAGES, IMAGES), logits, atol=1e-4 * scale
    )
    alone = predict(second, IMAGES, OTHERS)
    for different in (
        logits,
        predict(with_masks(model, "other_image"), IMAGES, OTHERS),
    ):
        assert np.abs(alone - different).max() > 1e-3 * scale


@pytest.mark.parametrize("mode", ["ones", "mean", "shuffled_channels", "other_image"])
def test_the_weights_are_shared_and_the_model_stays_as_it_was(model, mode):
    before = predict(model, IMAGES)
    replaced = with_masks(model, mode)
    assert {id(w) for w in replaced.weights} <= {id(w) for w in model.weights}
    np.testing.assert_array_equal(predict(model, IMAGES), before)


def test_a_model_with_other_masks_is_saved_and_loaded(model, tmp_path):
    replaced = with_masks(model, "shuffled_channels", seed=3)
    replaced.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        predict(loaded, IMAGES), predict(replaced, IMAGES), rtol=1e-4, atol=1e-4
    )


def test_an_unknown_mode_is_an_error(model):
    with pytest.raises(ValueError, match="'other_image'.*Received: mode='zeros'"):
        with_masks(model, "zeros")


def test_an_unknown_module_is_an_error(model):
    message = "'stage2_attention1'.*Received: module='stage3_attention1'"
    with pytest.raises(ValueError, match=message):
        with_masks(model, "ones", modules=["stage3_attention1"])


def test_one_module_can_be_named_without_a_list(model):
    one = with_masks(model, "ones", modules="stage1_attention1")
    listed = with_masks(model, "ones", modules=["stage1_attention1"])
    np.testing.assert_array_equal(predict(one, IMAGES), predict(listed, IMAGES))


def test_layers_of_another_data_format_are_an_error(model):
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="Set it.*set_image_data_format.*Received"):
            attention_masks(model)
    finally:
        keras.config.set_image_data_format("channels_last")


def test_a_replaced_mask_keeps_its_data_format():
    layer = MaskReplacement("shuffled_channels", data_format="channels_first")
    copy = MaskReplacement.from_config(layer.get_config())
    mask = np.random.default_rng(0).random((2, 5, 3, 3), "float32")
    shuffled = np.asarray(copy(mask))
    np.testing.assert_array_equal(np.sort(shuffled, axis=1), np.sort(mask, axis=1))
    assert (shuffled != mask).any()
