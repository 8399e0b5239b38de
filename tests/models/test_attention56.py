import keras
import numpy as np
import pytest

import keras_resattn


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.fixture(scope="module")
def attention56():
    return keras_resattn.Attention56()


def small(**arguments):
    """A network with the stem, the strides and a mask depth of Attention-56.

    Attention-56 is built by the same function, but takes several times as long.
    """
    stages = (
        keras_resattn.Stage(16, 1, 1, mask_depth=3),
        keras_resattn.Stage(32, 2, 1),
    )
    return keras_resattn.ResidualAttentionNetwork(stages, t=1, **arguments)


def test_counts_are_the_authors(attention56):
    assert trainable(attention56) == 31_810_728
    assert attention56.count_params() == 31_883_432


def test_counts_by_stage_are_the_authors(attention56):
    counts = {}
    for layer in attention56.layers:
        stage = layer.name.split("_")[0]
        counts[stage] = counts.get(stage, 0) + trainable(layer)
    # The authors' table counts a normalization with the map that it is of:
    # that at the start of a stage with the stage before.
    before = "stem"
    for stage in ("stage1", "stage2", "stage3", "stage4"):
        first = trainable(attention56.get_layer(f"{stage}_unit1").bn1)
        counts[before] += first
        counts[stage] -= first
        before = stage
    assert counts == {
        "input": 0,
        "stem": 9_664,
        "stage1": 1_051_392,
        "stage2": 3_425_280,
        "stage3": 10_314_752,
        "stage4": 14_960_640 - 4_096,
        "post": 4_096,
        "avg": 0,
        "predictions": 2_049_000,
    }


def test_the_graph_reads_like_the_table_of_the_paper(attention56):
    rows = [(layer.name, layer.output.shape[1:]) for layer in attention56.layers[1:]]
    assert rows == [
        ("stem_pad", (230, 230, 3)),
        ("stem_conv", (112, 112, 64)),
        ("stem_bn", (112, 112, 64)),
        ("stem_relu", (112, 112, 64)),
        ("stem_pool", (56, 56, 64)),
        ("stage1_unit1", (56, 56, 256)),
        ("stage1_attention1_pre1", (56, 56, 256)),
        ("stage1_attention1_trunk", (56, 56, 256)),
        ("stage1_attention1_mask", (56, 56, 256)),
        ("stage1_attention1_residual", (56, 56, 256)),
        ("stage1_attention1_post1", (56, 56, 256)),
        ("stage2_unit1", (28, 28, 512)),
        ("stage2_attention1_pre1", (28, 28, 512)),
        ("stage2_attention1_trunk", (28, 28, 512)),
        ("stage2_attention1_mask", (28, 28, 512)),
        ("stage2_attention1_residual", (28, 28, 512)),
        ("stage2_attention1_post1", (28, 28, 512)),
        ("stage3_unit1", (14, 14, 1024)),
        ("stage3_attention1_pre1", (14, 14, 1024)),
        ("stage3_attention1_trunk", (14, 14, 1024)),
        ("stage3_attention1_mask", (14, 14, 1024)),
        ("stage3_attention1_residual", (14, 14, 1024)),
        ("stage3_attention1_post1", (14, 14, 1024)),
        ("stage4_unit1", (7, 7, 2048)),
        ("stage4_unit2", (7, 7, 2048)),
        ("stage4_unit3", (7, 7, 2048)),
        ("post_bn", (7, 7, 2048)),
        ("post_relu", (7, 7, 2048)),
        ("avg_pool", (2048,)),
        ("predictions", (1000,)),
    ]


def test_masks_have_the_depths_3_2_1(attention56):
    depths = [
        attention56.get_layer(f"stage{i}_attention1_mask").depth for i in (1, 2, 3)
    ]
    assert depths == [3, 2, 1]


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (keras_resattn.Attention56, (33, 47, 3)),
        pytest.param(small, (32, 32, 1), marks=pytest.mark.one_backend),
        pytest.param(small, (97, 97, 4), marks=pytest.mark.one_backend),
        pytest.param(small, (123, 201, 3), marks=pytest.mark.one_backend),
        pytest.param(keras_resattn.Attention56, (224, 320, 2), marks=pytest.mark.slow),
    ],
)
def test_any_size_from_32_up_and_any_channels(network, shape):
    model = network(input_shape=shape, classes=7)
    probabilities = model.predict(np.random.rand(2, *shape), verbose=0)
    assert probabilities.shape == (2, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.one_backend
def test_unknown_size_gives_what_the_known_size_gives():
    unknown = small(input_shape=(None, None, 1), classes=3)
    for size in [(97, 75), (64, 64)]:
        known = small(input_shape=(*size, 1), classes=3)
        known.set_weights(unknown.get_weights())
        x = np.random.rand(2, *size, 1)
        np.testing.assert_allclose(
            unknown.predict(x, verbose=0), known.predict(x, verbose=0), atol=1e-5
        )


@pytest.mark.one_backend
def test_small_maps_are_pooled_less_often():
    def depths(size):
        model = keras_resattn.Attention56(
            input_shape=(size, size, 3), include_top=False
        )
        return [model.get_layer(f"stage{i}_attention1_mask").depth for i in (1, 2, 3)]

    assert depths(32) == [2, 1, 1]
    assert depths(64) == [3, 2, 1]
    assert depths(320) == [3, 2, 1]


@pytest.mark.parametrize(
    ("pooling", "shape"), [(None, (None, 2, 2, 2048)), ("avg", (None, 2048))]
)
def test_without_top(pooling, shape):
    model = keras_resattn.Attention56(
        include_top=False, pooling=pooling, input_shape=(64, 64, 3)
    )
    assert tuple(model.output.shape) == shape


def test_without_top_the_size_is_open():
    model = keras_resattn.Attention56(include_top=False, pooling="max")
    assert tuple(model.input.shape) == (None, None, None, 3)
    assert model.name == "attention56"


@pytest.mark.one_backend
def test_input_tensor_and_what_comes_before_it():
    image = keras.Input((64, 64, 1))
    model = small(
        input_tensor=keras.layers.Rescaling(2.0)(image), classes=5, name="mine"
    )
    plain = small(input_shape=(64, 64, 1), classes=5)
    plain.set_weights(model.get_weights())
    x = np.random.rand(2, 64, 64, 1)
    assert model.name == "mine"
    np.testing.assert_allclose(
        model.predict(x, verbose=0), plain.predict(2 * x, verbose=0), atol=1e-5
    )


@pytest.mark.one_backend
def test_logits():
    logits = small(input_shape=(32, 32, 3), classes=4, classifier_activation=None)
    softmax = small(input_shape=(32, 32, 3), classes=4)
    softmax.set_weights(logits.get_weights())
    x = np.random.rand(2, 32, 32, 3)
    expected = keras.ops.softmax(logits.predict(x, verbose=0))
    np.testing.assert_allclose(
        softmax.predict(x, verbose=0), keras.ops.convert_to_numpy(expected), atol=1e-6
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (31, 32, 3)}, r"at least 32x32. Received.*\(31, 32, 3\)"),
        ({"input_shape": (224, 224)}, r"three integers. Received.*\(224, 224\)"),
        ({"input_shape": (64, 64, None)}, "channels.*must be known. Received"),
        ({"input_shape": (64, 64, 0)}, "positive integer. Received"),
        ({"classes": 0}, "positive integer. Received: classes=0"),
        ({"pooling": "mean"}, "one of.*'avg'.*Received: pooling='mean'"),
        ({"weights": "imagenet"}, "None.*weights file.*Received: weights=imagenet"),
        ({"weights": "a.keras"}, "no such file.*Received: weights=a.keras"),
        ({"weights": "missing.weights.h5"}, "Received: weights=missing.weights.h5"),
    ],
)
def test_arguments_out_of_range_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_resattn.Attention56(**arguments)


def test_contradicting_shapes_are_an_error():
    with pytest.raises(
        ValueError, match=r"differ.*Received: input_shape=\(32, 32, 3\)"
    ):
        keras_resattn.Attention56(
            input_tensor=keras.Input((64, 64, 3)), input_shape=(32, 32, 3)
        )


def test_too_small_an_input_tensor_is_an_error():
    with pytest.raises(ValueError, match="at least 32x32"):
        keras_resattn.Attention56(input_tensor=keras.Input((16, 16, 3)))


@pytest.mark.one_backend
def test_mixed_precision_has_probabilities_in_float32():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small(input_shape=(32, 32, 3), classes=4)
    finally:
        keras.config.set_dtype_policy(before)
    assert model.get_layer("stage1_attention1_trunk").compute_dtype == "bfloat16"
    probabilities = model.predict(np.random.rand(2, 32, 32, 3), verbose=0)
    assert probabilities.dtype == "float32"
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
