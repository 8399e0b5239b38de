import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import complexity


@pytest.mark.parametrize(
    ("name", "size", "multiply_adds"),
    [
        ("attention56", 224, 6_270_836_736),
        ("attention56", 320, 12_795_494_400),
        ("attention92", 224, 10_533_789_696),
        ("attention92", 320, 21_495_398_400),
        ("attention_next56", 224, 6_419_106_816),
        ("attention_next56", 320, 13_098_086_400),
        ("attention_next92", 224, 10_704_337_920),
        ("attention_next92", 320, 21_843_456_000),
    ],
)
def test_multiply_adds_are_the_authors(networks, name, size, multiply_adds):
    counted = complexity(networks(name), size)
    assert counted.multiply_adds == multiply_adds
    assert counted.size == (size, size)


@pytest.fixture(scope="module")
def networks():
    """Return networks by name, each instantiated once."""
    made = {}

    def network(name):
        if name not in made:
            made[name] = keras_resattn.create_model(name)
        return made[name]

    return network


def test_parts_of_attention56(networks):
    counted = complexity(networks("attention56"))
    trunks = [part for part in counted.parts if part.branch == "trunk"]
    # Two units of C/4 bottlenecks in 56, 28 and 14 squared: equal work.
    per_unit = 56 * 56 * (256 * 64 + 9 * 64 * 64 + 64 * 256)
    assert [part.multiply_adds for part in trunks] == [2 * per_unit] * 3
    assert [part.stage for part in trunks] == ["stage1", "stage2", "stage3"]
    stages = [part.stage for part in counted.parts]
    assert stages == sorted(stages, key=["stem", *stages].index)
    assert counted.parts[0].multiply_adds == 112 * 112 * 7 * 7 * 3 * 64
    assert counted.parts[-1][:2] == ("head", "rest")
    assert counted.parameters == 31_810_728
    assert counted.non_trainable == 72_704


@pytest.mark.one_backend
def test_what_a_part_costs_does_not_depend_on_the_models_own_size():
    small = keras_resattn.cifar.Attention56(input_shape=(24, 40, 3))
    free = keras_resattn.cifar.Attention56(input_shape=(None, None, 3))
    assert complexity(small) == complexity(free, size=(24, 40))


@pytest.mark.one_backend
def test_a_model_of_any_size_needs_a_size():
    model = keras_resattn.cifar.Attention56(include_top=False)
    message = r"give the `size`.*Received: size=None.*\(None, None, None, 3\)"
    with pytest.raises(ValueError, match=message):
        complexity(model)


def test_other_models_are_counted_too():
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(images)
    x = keras.layers.DepthwiseConv2D(3, use_bias=False)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    counted = complexity(keras.Model(images, keras.layers.Dense(5)(x)))
    assert counted.multiply_adds == 4 * 4 * 27 * 4 + 2 * 2 * 9 * 4 + 4 * 5
    assert counted.parameters == (27 * 4 + 4) + 9 * 4 + (4 * 5 + 5)
    assert [part.stage for part in counted.parts] == ["network"]


def test_counting_leaves_the_model_as_it_was():
    model = keras_resattn.cifar.Attention56(input_shape=(16, 16, 1))
    x = np.random.rand(2, 16, 16, 1)
    before = model.predict(x, verbose=0)
    complexity(model)
    convolution = model.get_layer("stem_conv")
    assert "call" not in vars(convolution)
    assert complexity(model) == complexity(model)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


@pytest.mark.one_backend
def test_the_table_names_stages_and_the_total():
    text = str(complexity(keras_resattn.cifar.Attention56()))
    assert "stage1    mask" in text
    assert "total" in text
    assert "1,030,394" in text
    assert "122,825,216" in text


@pytest.mark.parametrize("shape", [(10,), [(8, 8, 3), (4,)]])
def test_models_of_other_inputs_are_errors(shape):
    several = isinstance(shape, list)
    inputs = [keras.Input(one) for one in (shape if several else [shape])]
    flat = [keras.layers.Flatten()(one) for one in inputs]
    joined = keras.layers.Concatenate()(flat) if several else flat[0]
    with pytest.raises(ValueError, match="one input.*Received: model.input_shape="):
        complexity(keras.Model(inputs, keras.layers.Dense(2)(joined)))


def test_layers_on_sequences_are_counted_at_each_position():
    image = keras.Input((4, 6, 8))
    tokens = keras.layers.Reshape((24, 8))(image)
    x = keras.layers.Dense(16, use_bias=False)(tokens)
    x = keras.layers.MultiHeadAttention(2, 4, use_bias=False)(x, x)
    x = keras.layers.Conv1D(5, 3, padding="same", use_bias=False)(x)
    counted = complexity(keras.Model(image, x))
    projections = 3 * 16 * 8 + 8 * 16
    assert counted.multiply_adds == 24 * (8 * 16 + projections + 3 * 16 * 5)


@pytest.mark.parametrize("size", [224.0, (224,), "224"])
def test_a_size_is_an_integer_or_a_pair(networks, size):
    with pytest.raises(ValueError, match="`size` must be an integer, or a pair"):
        complexity(networks("attention56"), size)
