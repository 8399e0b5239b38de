import functools

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import ResidualAttentionNetwork
from keras_resattn import Stage
from keras_resattn import fold_batch_norm
from keras_resattn.compatibility import pytorchcv
from keras_resattn.views.graph import flatten_layers

SMALL = functools.partial(
    ResidualAttentionNetwork,
    [Stage(64, 1, modules=1, mask_depth=1)],
    t=1,
    classes=3,
    classifier_activation=None,
)


def unlike_initial(model):
    """Give every batch normalization weights and statistics of its own."""
    rng = np.random.default_rng(0)
    for layer in normalizations(model):
        shape = layer.moving_mean.shape
        layer.moving_mean.assign(rng.normal(0, 0.2, shape))
        layer.moving_variance.assign(rng.uniform(0.5, 2, shape))
        if layer.scale:
            layer.gamma.assign(rng.uniform(0.5, 1.5, shape))
        if layer.center:
            layer.beta.assign(rng.normal(0, 0.2, shape))
    return model


def normalizations(model):
    layers = flatten_layers(model)
    return [x for x in layers if isinstance(x, keras.layers.BatchNormalization)]


def numbers(*shape):
    return np.random.default_rng(1).random(shape, "float32")


def images(*shape):
    x = numbers(*(shape or (2, 16, 20, 3)))
    first = keras.config.image_data_format() == "channels_first"
    return x.transpose(0, 3, 1, 2) if first else x


def outputs(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def check_folded(model, left, x=None):
    """Check a folded model's outputs and how many normalizations are left."""
    x = images() if x is None else x
    unlike_initial(model)
    weights = model.get_weights()
    expected = outputs(model, x)
    folded = fold_batch_norm(model)
    scale = max(1, np.abs(expected).max())
    np.testing.assert_allclose(outputs(folded, x) / scale, expected / scale, atol=1e-5)
    assert len(normalizations(folded)) == left < len(normalizations(model))
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    return folded


# Left are those that follow a sum or a pooled map: of a pre-activation unit its
# first, of a mask the one before its two convolutions, and the network's last.
# With one module of depth 1 the units are: 1 of the stage, 2 around the
# module, 1 of the trunk, 2 of the mask.
@pytest.mark.parametrize(
    ("unit", "left"),
    [("pre_activation", 6 + 2), ("inception", 6 + 2), ("resnext", 0)],
)
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_every_unit_and_stem_is_folded(unit, left, stem):
    check_folded(SMALL(stem, unit=unit, input_shape=shape(None, None)), left)


def shape(*size):
    first = keras.config.image_data_format() == "channels_first"
    return (3, *size) if first else (*size, 3)


def test_masks_of_a_folded_model_are_those_of_the_model():
    model = unlike_initial(SMALL("cifar", input_shape=shape(16, 20)))
    expected = keras_resattn.attention_masks(model)(images())
    masks = keras_resattn.attention_masks(fold_batch_norm(model))(images())
    assert list(masks) == list(expected) == ["stage1_attention1"]
    for name, mask in masks.items():
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(mask),
            keras.ops.convert_to_numpy(expected[name]),
            atol=1e-5,
        )


@pytest.mark.parametrize("mask_structure", ["encoder_decoder", "local"])
@pytest.mark.parametrize("mask_activation", ["channel", "spatial"])
def test_other_masks_are_folded(mask_structure, mask_activation):
    model = SMALL(
        "cifar",
        unit="resnext",
        input_shape=shape(16, 20),
        mask_structure=mask_structure,
        mask_activation=mask_activation,
    )
    check_folded(model, left=0)


def test_the_folded_model_is_saved_and_loaded(tmp_path):
    model = unlike_initial(SMALL("cifar", input_shape=shape(16, 20)))
    folded = fold_batch_norm(model)
    folded.save(tmp_path / "folded.keras")
    loaded = keras.saving.load_model(tmp_path / "folded.keras")
    np.testing.assert_allclose(
        outputs(loaded, images()), outputs(folded, images()), atol=1e-6
    )


def test_names_are_those_of_the_parts_and_unique():
    folded = fold_batch_norm(SMALL("cifar", input_shape=shape(16, 20)))
    names = [layer.name for layer in folded.layers]
    assert len(set(names)) == len(names)
    assert {"stem_conv", "stage1_unit1_conv1", "post_relu", "predictions"} <= set(names)
    assert "stage1_attention1_mask_down1_units1_conv2" in names


@keras.saving.register_keras_serializable(package="folding")
class BranchedUnit(keras.layers.Layer):
    """A unit of one's own: a normalization whose input is used once more."""

    def __init__(self, filters, strides=1, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.strides = filters, strides
        self.data_format = data_format or keras.config.image_data_format()
        options = {"padding": "same", "data_format": self.data_format}
        axis = 1 if self.data_format == "channels_first" else -1
        self.conv1 = keras.layers.Conv2D(filters, 3, strides, name="conv", **options)
        self.norm1 = keras.layers.BatchNormalization(axis=axis, name="norm")
        self.conv2 = keras.layers.Conv2D(
            filters, 3, activation="relu", name="conv_relu", **options
        )
        self.norm2 = keras.layers.BatchNormalization(axis=axis, center=False)
        self.conv3 = keras.layers.Conv2D(filters, 1, name="last", **options)
        self.norm3 = keras.layers.BatchNormalization(axis=axis, scale=False)

    def build(self, input_shape):
        self.conv1.build(input_shape)
        inner = self.compute_output_shape(input_shape)
        for layer in (self.norm1, self.conv2, self.norm2, self.conv3, self.norm3):
            layer.build(inner)

    def call(self, inputs, training=None):
        x = self.conv1(inputs)
        x = x + self.norm1(x, training=training)  # the convolution is used twice
        x = self.norm2(self.conv2(x), training=training)  # a ReLU stands between
        return self.norm3(self.conv3(x), training=training)

    def compute_output_shape(self, input_shape):
        return self.conv1.compute_output_shape(input_shape)

    def get_config(self):
        own = {"filters": self.filters, "strides": self.strides}
        return {**super().get_config(), **own, "data_format": self.data_format}


def test_only_what_nothing_else_uses_is_folded_in_units_of_ones_own():
    model = SMALL("cifar", unit=BranchedUnit, input_shape=shape(16, 20))
    # Two of three are left in each of the six units, and those after resize and unit.
    check_folded(model, left=6 * 2 + 2)


class Opaque(keras.layers.Layer):
    """A layer that wants numbers, not symbols."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = keras.layers.BatchNormalization()

    def build(self, input_shape):
        self.norm.build(input_shape)

    def call(self, inputs, training=None):
        if type(inputs) is keras.KerasTensor:
            raise TypeError("no symbols")
        return self.norm(inputs, training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs, training=None):
        return keras.KerasTensor(inputs.shape, inputs.dtype)


def test_a_layer_that_cannot_be_traced_stays_whole():
    inputs = keras.Input((4,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(5)(inputs))
    model = keras.Model(inputs, Opaque(name="opaque")(x))
    folded = check_folded(model, left=1, x=numbers(2, 4))
    assert isinstance(folded.get_layer("opaque"), Opaque)


def test_a_normalization_of_two_places_is_not_folded():
    inputs = keras.Input((4,))
    norm = keras.layers.BatchNormalization()
    x = norm(keras.layers.Dense(5)(inputs))
    y = norm(keras.layers.Dense(5)(inputs))
    z = keras.layers.BatchNormalization()(keras.layers.Dense(3)(x + y))
    check_folded(keras.Model(inputs, z), left=1, x=numbers(2, 4))


def test_what_is_joined_by_rows_is_not_folded():
    inputs = keras.Input((4, 6))
    rows = [keras.layers.Dense(5)(inputs), keras.layers.Dense(5)(inputs)]
    joined = keras.layers.BatchNormalization()(keras.layers.Concatenate(1)(rows))
    last = keras.layers.BatchNormalization()(keras.layers.Dense(3)(joined))
    model = keras.Model(inputs, last)
    check_folded(model, left=1, x=numbers(2, 4, 6))


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["resnext", "inception", "pre_activation"])
def test_a_whole_network_is_folded(unit):
    network = {
        "resnext": keras_resattn.AttentionNeXt56,
        "inception": keras_resattn.AttentionInception56,
        "pre_activation": keras_resattn.Attention56,
    }[unit]
    model = network(input_shape=shape(64, 64), classes=5)
    unlike_initial(model)
    x = images(1, 64, 64, 3)
    folded = fold_batch_norm(model)
    np.testing.assert_allclose(outputs(folded, x), outputs(model, x), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [
        keras_resattn.baselines.InceptionResNetV1,
        keras_resattn.baselines.InceptionResNetV2,
        keras_resattn.baselines.ResNet152,
        pytorchcv.Attention56,
    ],
)
def test_networks_of_others_are_folded(network):
    model = unlike_initial(network(input_shape=shape(75, 75), weights=None))
    x = images(1, 75, 75, 3)
    folded = fold_batch_norm(model)
    np.testing.assert_allclose(outputs(folded, x), outputs(model, x), atol=1e-4)
    assert len(normalizations(folded)) < len(normalizations(model)) / 2


@pytest.mark.parametrize("bad", [None, "model.keras", keras.layers.Dense(1)])
def test_what_is_no_functional_model_is_an_error(bad):
    with pytest.raises(ValueError, match="functional models.*Received: model="):
        fold_batch_norm(bad)


def test_a_normalization_that_always_trains_is_not_folded():
    images = keras.Input((4, 4, 2))
    x = keras.layers.Conv2D(3, 1)(images)
    model = keras.Model(images, keras.layers.BatchNormalization()(x, training=True))
    inputs = np.random.default_rng(0).normal(size=(8, 4, 4, 2)).astype("float32")
    expected = keras.ops.convert_to_numpy(model(inputs))
    found = keras.ops.convert_to_numpy(fold_batch_norm(model)(inputs))
    np.testing.assert_allclose(found, expected, atol=1e-5)
