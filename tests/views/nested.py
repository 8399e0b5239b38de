"""One network in every kind of nesting, which all compute the same."""

import keras
import numpy as np

from keras_resattn import ResidualAttentionNetwork
from keras_resattn import Stage

CLASSES = 4


def backbone(name="network", **options):
    """A network without head: two attention modules."""
    stages = (Stage(8, 1, 1), Stage(16, 2, 1))
    model = ResidualAttentionNetwork(
        stages,
        "cifar",
        p=0,
        t=1,
        default_size=16,
        include_top=False,
        input_shape=shape(16, 16),
        name=name,
        **{"pooling": "avg", **options},
    )
    rng = np.random.default_rng(len(name))
    for weight in model.weights:
        if "moving_mean" in weight.name:
            weight.assign(rng.uniform(-0.3, 0.3, weight.shape))
        elif "moving_variance" in weight.name or "gamma" in weight.name:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


def shape(*size):
    first = keras.config.image_data_format() == "channels_first"
    return (3, *size) if first else (*size, 3)


def images(count=2):
    return np.random.default_rng(0).random((count, *shape(16, 16)), "float32")


def flat(network, head):
    return keras.Model(network.input, head(network.output), name="flat")


def called(network, head):
    x = keras.Input(shape(16, 16))
    return keras.Model(x, head(network(x, training=False)), name="called")


def preprocessed(network, head):
    """Augmented and rescaled before, dropout after."""
    x = keras.Input(shape(16, 16), name="pixels")
    y = keras.Sequential([keras.layers.RandomFlip()], name="augmentation")(x)
    y = keras.layers.Rescaling(2.0)(y)
    y = keras.layers.Rescaling(0.5)(y)
    y = keras.layers.Dropout(0.2)(network(y))
    return keras.Model(x, head(y), name="preprocessed")


def sequential(network, head):
    return keras.Sequential(
        [keras.Input(shape(16, 16)), network, head], name="sequence"
    )


def sequential_without_input(network, head):
    return keras.Sequential([network, head])


def deep(network, head):
    """A network in a network in a network, with a name of its layers outside."""
    x = keras.Input(shape(16, 16))
    inner = keras.Model(x, network(x) * 1.0, name="inner")
    middle = keras.Sequential([keras.layers.Rescaling(1.0), inner])
    x = keras.Input(shape(16, 16), name="stem_bn")
    return keras.Model(x, head(middle(x)), name="deep")


def ends_in_a_network(network, head):
    classifier = keras.Model(network.input, head(network.output), name="classifier")
    layers = [keras.Input(shape(16, 16)), keras.layers.Rescaling(1.0), classifier]
    return keras.Sequential(layers)


NESTINGS = (
    called,
    preprocessed,
    sequential,
    sequential_without_input,
    deep,
    ends_in_a_network,
)


def arrays(outputs):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)


def run(model, *inputs):
    inputs = [keras.ops.convert_to_tensor(x) for x in inputs]
    return arrays(model(inputs if len(inputs) > 1 else inputs[0], training=False))


def check_same(found, expected, atol=1e-5):
    keras.tree.assert_same_structure(found, expected)
    pairs = zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True)
    for value, right in pairs:
        np.testing.assert_allclose(value, right, rtol=1e-5, atol=atol)
