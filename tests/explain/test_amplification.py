"""How much modules amplify features, against the definition."""

import keras
import numpy as np
import pytest

from keras_resattn import cifar
from keras_resattn import explain
from keras_resattn.layers import AttentionResidualLearning
from keras_resattn.layers import NaiveAttentionLearning
from keras_resattn.views.features import feature_maps


@pytest.mark.parametrize("attention", ["residual", "naive"])
def test_it_is_the_length_after_over_the_length_before(attention):
    model = cifar.Attention56(input_shape=(16, 16, 3), attention=attention)
    inputs = np.random.default_rng(0).normal(size=(3, 16, 16, 3)).astype("float32")
    maps = feature_maps(model).predict(inputs, verbose=0)
    found = explain.amplification(model, inputs, batch_size=2)
    assert list(found) == [f"stage{i}_attention1" for i in (1, 2, 3)]
    for name, values in found.items():
        feature, mask = maps[f"{name}_trunk"], maps[f"{name}_mask"]
        factor = 1 + mask if attention == "residual" else mask
        after = np.sum(np.square(factor * feature, dtype="float64"), axis=-1)
        before = np.sum(np.square(feature, dtype="float64"), axis=-1)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, np.sqrt(after / before), rtol=1e-4)


@pytest.mark.parametrize("fusion", [AttentionResidualLearning, NaiveAttentionLearning])
def test_channels_count_as_much_as_they_contribute(fusion):
    """Two channels: one with a feature of 3, one of 4; masks of 0 and 1."""
    image = keras.Input((1, 1, 1))
    trunk = keras.layers.Lambda(
        lambda x: keras.ops.concatenate([3 * x, 4 * x], axis=-1), name="trunk"
    )(image)
    mask = keras.layers.Lambda(
        lambda x: keras.ops.concatenate([0 * x, x], axis=-1), name="mask"
    )(image)
    model = keras.Model(image, fusion(name="one_fused")([trunk, mask]))
    values = explain.amplification(model, np.ones((1, 1, 1, 1)))["one"]
    expected = {"AttentionResidualLearning": (9 + 64) / 25}.get(
        fusion.__name__, 16 / 25
    )
    np.testing.assert_allclose(values, np.sqrt(expected), rtol=1e-6)
    empty = explain.amplification(model, np.zeros((1, 1, 1, 1)))["one"]
    assert np.isnan(empty).all()  # there is no feature to amplify


def test_batches_do_not_change_it(model_folder, inputs):
    whole = explain.amplification(model_folder.model, inputs)
    batches = (inputs[i : i + 1] for i in range(len(inputs)))
    parts = list(explain.iter_amplification(model_folder.model, batches))
    for name, values in whole.items():
        one = np.concatenate([part[name] for part in parts])
        np.testing.assert_allclose(one, values, rtol=1e-4)
