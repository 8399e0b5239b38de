import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

import keras_resattn
from keras_resattn.compatibility import pytorchcv
from keras_resattn.compatibility.pytorchcv_layers import PaddedMaxPooling2D
from keras_resattn.compatibility.pytorchcv_layers import PytorchcvSoftMaskBranch
from tests.layers.checks import check_channels_first
from tests.layers.checks import check_layer
from tests.layers.checks import images
from tests.layers.checks import to_numpy

STAGES = (
    keras_resattn.Stage(8, 1, 1, mask_depth=2),
    keras_resattn.Stage(16, 2, 1, mask_depth=1, closing_units=1),
)


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    return pytorchcv.network(STAGES, input_shape=(40, 36, 3), classes=4)


def padded_max_pool(x):
    """Pool 3 x 3, stride 2, one row and column of padding that never counts."""
    height, width = ((n + 1) // 2 for n in x.shape[1:3])
    y = np.empty((x.shape[0], height, width, x.shape[3]), x.dtype)
    for i in range(height):
        for j in range(width):
            rows = slice(max(0, 2 * i - 1), 2 * i + 2)
            columns = slice(max(0, 2 * j - 1), 2 * j + 2)
            y[:, i, j] = x[:, rows, columns].max(axis=(1, 2))
    return y


def test_checklist_of_the_pooling():
    check_layer(PaddedMaxPooling2D, images(2, 7, 8, 3), (2, 4, 4, 3))
    check_channels_first(PaddedMaxPooling2D, images(2, 7, 8, 3))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 12), st.integers(1, 12))
def test_the_padding_is_never_the_maximum(height, width):
    # All negative: a border padded with zeros would show.
    x = images(2, height, width, 3) - 10
    np.testing.assert_array_equal(to_numpy(PaddedMaxPooling2D()(x)), padded_max_pool(x))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_checklist_of_the_mask(depth):
    def make(**kwargs):
        return PytorchcvSoftMaskBranch(8, depth, **kwargs)

    inputs = [images(2, 8, 9, 8), images(2, 8, 9, 8, seed=1)]
    check_layer(make, inputs, (2, 8, 9, 8))
    check_channels_first(make, inputs)


def test_a_map_is_never_used_up():
    mask = PytorchcvSoftMaskBranch(8, depth=3)([images(1, 2, 3, 8)] * 2)
    assert mask.shape == (1, 2, 3, 8)


def test_a_mask_without_its_trunk_is_an_error():
    with pytest.raises(ValueError, match="list of two.*Received: input_shape="):
        PytorchcvSoftMaskBranch(8, depth=1)(images(1, 8, 8, 8))


@pytest.mark.parametrize("name", ["Attention56", "Attention92"])
@pytest.mark.one_backend
def test_layers_and_weights_are_those_of_the_authors_network(name):
    theirs = getattr(pytorchcv, name)()
    ours = getattr(keras_resattn, name)()
    assert [layer.name for layer in theirs.layers[1:]] == [
        layer.name for layer in ours.layers[1:]
    ]
    for layer, same in zip(theirs.layers, ours.layers, strict=True):
        assert layer.output.shape == same.output.shape
        assert [w.shape for w in layer.weights] == [w.shape for w in same.weights]
    assert theirs.name == f"pytorchcv_{ours.name}"


def test_equal_weights_give_other_masks(small):
    exact = keras_resattn.ResidualAttentionNetwork(
        STAGES, input_shape=(40, 36, 3), classes=4
    )
    exact.set_weights(small.get_weights())
    x = images(2, 40, 36, 3)
    masks, others = (
        keras_resattn.attention_masks(model).predict(x, verbose=0)
        for model in (small, exact)
    )
    assert list(masks) == ["stage1_attention1", "stage2_attention1"]
    for name, mask in masks.items():
        assert mask.shape == others[name].shape
        assert np.abs(mask - others[name]).max() > 0.1


def test_a_model_is_loaded_as_it_was_saved(small, tmp_path):
    x = images(2, 40, 36, 3)
    small.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(x, verbose=0), small.predict(x, verbose=0)
    )


@pytest.mark.one_backend
def test_weights_fit_any_size(small, tmp_path):
    path = str(tmp_path / "small.weights.h5")
    small.save_weights(path)
    unknown = pytorchcv.network(
        STAGES, input_shape=(None, None, 3), classes=4, weights=path
    )
    x = images(2, 40, 36, 3)
    np.testing.assert_allclose(
        unknown.predict(x, verbose=0), small.predict(x, verbose=0), atol=1e-5
    )
    assert unknown.predict(images(1, 33, 51, 3), verbose=0).shape == (1, 4)


def test_a_step_of_training_moves_every_weight():
    model = pytorchcv.network(STAGES, input_shape=(32, 32, 3), classes=4)
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    before = [to_numpy(weight) for weight in model.trainable_weights]
    model.fit(images(4, 32, 32, 3), np.arange(4), verbose=0)
    for weight, value in zip(model.trainable_weights, before, strict=True):
        assert np.isfinite(to_numpy(weight)).all()
        assert np.abs(to_numpy(weight) - value).max() > 0, weight.path


@pytest.mark.one_backend
def test_mixed_precision_has_probabilities_in_float32():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = pytorchcv.network(STAGES, input_shape=(32, 32, 3), classes=4)
    finally:
        keras.config.set_dtype_policy(before)
    assert model.get_layer("stage1_attention1_mask").compute_dtype == "bfloat16"
    probabilities = model.predict(images(2, 32, 32, 3), verbose=0)
    assert probabilities.dtype == "float32"
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("pooling", "shape"),
    [(None, (None, 5, 5, 16)), ("avg", (None, 16)), ("max", (None, 16))],
)
def test_without_top(pooling, shape):
    image = keras.Input((40, 40, 1))
    model = pytorchcv.network(
        STAGES,
        include_top=False,
        pooling=pooling,
        input_tensor=keras.layers.Rescaling(2.0)(image),
    )
    assert tuple(model.output.shape) == shape
    assert model.input is image


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (31, 32, 3)}, r"at least 32x32. Received.*\(31, 32, 3\)"),
        ({"classes": 0}, "positive integer. Received: classes=0"),
        ({"pooling": "mean"}, "one of.*'avg'.*Received: pooling='mean'"),
        ({"weights": "imagenet"}, "None.*weights file.*Received: weights=imagenet"),
        (
            {"input_tensor": keras.Input((64, 64, 3)), "input_shape": (32, 32, 3)},
            r"differ.*Received: input_shape=\(32, 32, 3\)",
        ),
    ],
)
def test_arguments_out_of_range_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        pytorchcv.network(STAGES, **arguments)
