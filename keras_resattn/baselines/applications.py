"""Networks of keras.applications, with checks like those of the other networks."""

import functools
import os
from collections.abc import Callable
from typing import Any

import keras

from keras_resattn.builder.documentation import Documentation
from keras_resattn.builder.head import check_head
from keras_resattn.builder.image_input import image_shape
from keras_resattn.builder.named import named
from keras_resattn.builder.signatures import network
from keras_resattn.weights import check_weights
from keras_resattn.weights import load_weights


def _application(
    application: Callable[..., keras.Model],
    default_size: int,
    minimum_size: int,
    **arguments: Any,
) -> keras.Model:
    """Call a function of keras.applications, with checks and weights files of ours.

    Keras' own messages about shapes and files lack the value or the remedy.
    """
    weights, shape = arguments["weights"], arguments["input_shape"]
    include_top = arguments["include_top"]
    if weights is not None and weights != "imagenet" and not os.path.isfile(weights):
        raise ValueError(
            "`weights` must be None (random initialization), 'imagenet' or the path "
            "to a weights file (.weights.h5 or .keras). "
            f"Received: weights={weights}"
        )
    check_head(include_top, arguments["pooling"], arguments["classes"])
    if shape is not None:
        shape = image_shape(shape, default_size, minimum_size, include_top)
        arguments["input_shape"] = shape
    if weights in (None, "imagenet"):
        return application(**arguments)
    check_weights(weights, include_top, arguments["classifier_activation"])
    model = application(**{**arguments, "weights": None})
    load_weights(model, weights)
    return model


WEIGHTS = """`None` (random initialization), `"imagenet"` (the weights that
            Keras publishes, downloaded) or the path to a weights file
            (`.weights.h5` or `.keras`) to be loaded."""

ResNet152 = named(
    network,
    functools.partial(_application, keras.applications.ResNet152, 224, 32),
    "resnet152",
    Documentation(
        path="keras_resattn.baselines.ResNet152",
        title="ResNet-152 as in `keras.applications`, for ImageNet",
        text="""With the default arguments it has 60,268,520 trainable parameters: the
    paper's, plus 75,712 biases of its convolutions. Height and width may be `None`
    only if `include_top=False`.""",
        weights=WEIGHTS,
        reference="""He et al., Deep Residual Learning for Image Recognition, CVPR
    2016 (https://arxiv.org/abs/1512.03385).""",
    ),
)

InceptionResNetV2 = named(
    network,
    functools.partial(_application, keras.applications.InceptionResNetV2, 299, 75),
    "inception_resnet_v2",
    Documentation(
        path="keras_resattn.baselines.InceptionResNetV2",
        size=299,
        minimum=75,
        title="Inception-ResNet-v2 as in `keras.applications`, for ImageNet",
        text="""With the default arguments it has 55,813,192 trainable parameters.
    Height and width may be `None` only if `include_top=False`.""",
        weights=WEIGHTS,
        reference="""Szegedy et al., Inception-v4, Inception-ResNet and the Impact
    of Residual Connections on Learning, 2016 (https://arxiv.org/abs/1602.07261).""",
    ),
)
