"""What the outputs of a classifier are: probabilities, logits or other values."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_resattn
from keras_resattn.explain.logits import classifier_of
from keras_resattn.views.batch_norm_folding import fold_batch_norm
from keras_resattn.views.classifier_output import classifying
from keras_resattn.views.classifier_output import output_kind
from keras_resattn.views.graph import node_in


@keras.saving.register_keras_serializable(package="tests")
class Scaled(layers.Layer):
    """A layer that does not show what it computes."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor


def model(*after):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, name="body")(image)
    for layer in after:
        x = layer(x)
    return keras.Model(image, x)


def dense(activation=None):
    return layers.GlobalMaxPooling2D(), layers.Dense(4, activation, name="head")


def convolution(activation=None):
    return layers.Conv2D(4, 1, activation=activation, name="head")


FLOAT32 = {"dtype": "float32"}
PROBABILITIES = {
    "softmax": lambda: dense("softmax"),
    "a softmax layer": lambda: (*dense(), layers.Softmax()),
    "an activation": lambda: (*dense(), layers.Activation("softmax")),
    "mixed precision": lambda: (
        *dense("softmax"),
        layers.Activation("linear", **FLOAT32),
    ),
    "a convolution": lambda: (convolution("softmax"), layers.GlobalAveragePooling2D()),
    "a layer of its own": lambda: (*dense("softmax"), Scaled(1.0)),
    "a function of its own": lambda: dense(lambda x: keras.ops.softmax(x)),
    "of keras.ops": lambda: dense(keras.ops.softmax),
}
LOGITS = {
    "dense": lambda: dense(),
    "dropout": lambda: (*dense(), layers.Dropout(0.5)),
    "a convolution": lambda: (convolution(), layers.GlobalAveragePooling2D()),
    "flat": lambda: (layers.Conv2D(4, 6, name="head"), layers.Flatten()),
    "a layer of its own": lambda: (*dense(), Scaled(2.0)),
}
OTHER = {
    "sigmoid": lambda: dense("sigmoid"),
    "halves of probabilities": lambda: (*dense("softmax"), Scaled(0.5)),
    "not finite": lambda: (*dense("softmax"), Scaled(np.nan)),
}


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        pytest.param(make, kind, id=f"{kind} {name}")
        for kind, made in (
            ("probabilities", PROBABILITIES),
            ("logits", LOGITS),
            ("other", OTHER),
        )
        for name, make in made.items()
    ],
)
def test_the_kind_of_outputs_is_found(make, kind):
    keras.utils.set_random_seed(0)
    assert output_kind(model(*make())) == kind
    nested = keras.Sequential([keras.Input((8, 8, 3)), model(*make())])
    assert output_kind(nested) == kind


@pytest.mark.parametrize(
    "make",
    [
        *(PROBABILITIES[name] for name in ("softmax", "a softmax layer")),
        PROBABILITIES["mixed precision"],
        lambda: (*dense(), layers.BatchNormalization(), layers.Activation("softmax")),
        lambda: (*dense(), lambda x: x / 2, layers.Softmax()),
        lambda: (*dense(), layers.Rescaling(0.5), layers.Softmax()),
        LOGITS["dropout"],
    ],
)
def test_the_features_that_are_classified_are_before_the_logits(make):
    classifier = model(*make())
    for one in (classifier, fold_batch_norm(classifier)):
        [features] = classifying(one).input_tensors
        assert features.shape == (None, 5)
        assert features is node_in(one, one.get_layer("head")).input_tensors[0]


def test_a_layer_that_is_called_twice_is_passed_where_it_is_called():
    dropout = layers.Dropout(0.5)
    pooling, head = dense()
    assert output_kind(model(pooling, dropout, head, dropout)) == "logits"


@pytest.mark.parametrize("name", ["softmax", "a softmax layer", "mixed precision"])
def test_the_operation_without_which_there_are_logits_is_found(name):
    last = "softmax" if name == "a softmax layer" else "head"
    found = classifier_of(model(*PROBABILITIES[name]()))
    assert found.name.startswith(last)


def test_a_network_without_its_top_is_not_a_classifier():
    body = keras_resattn.create_model(
        "tiny", input_shape=(16, 16, 3), include_top=False, pooling="avg"
    )
    with pytest.raises(ValueError, match="pass a model with a classifier"):
        classifier_of(body)
