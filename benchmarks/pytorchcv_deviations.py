"""Measure how each deviation of pytorchcv's network changes the masks and logits.

    python -m benchmarks.pytorchcv_deviations

Both networks have the weights and the image of `tests/models/golden`, whose moving
statistics fit the authors' network.
"""

from unittest import mock

import numpy as np
from keras import ops

import keras_resattn
from keras_resattn.compatibility import pytorchcv
from keras_resattn.compatibility.pytorchcv_layers import PaddedMaxPooling2D
from keras_resattn.compatibility.pytorchcv_layers import PytorchcvSoftMaskBranch
from keras_resattn.layers import CeilMaxPooling2D
from tests.models import golden

DEVIATIONS = ("stem pooling", "mask poolings", "extra skips", "trunk added")


def main():
    weights, image, _ = golden.load("attention_56")
    exact = outputs(keras_resattn.Attention56, weights, image)
    print(f"standard deviation of the exact logits: {exact['logits'].std():.2f}")
    for chosen in [(), *([deviation] for deviation in DEVIATIONS), DEVIATIONS]:
        deviating = outputs(network_with(chosen), weights, image)
        cells = [
            f"{name} {np.abs(deviating[name] - x).mean():.3f}"
            for name, x in exact.items()
        ]
        print(" | ".join([" + ".join(chosen) or "none", *cells]))


def outputs(network, weights, image):
    """Return the masks and logits of a network with the given weights."""
    model = network(classifier_activation=None)
    assert golden.assign(model, weights) == []
    masks = keras_resattn.attention_masks(model).predict(image, verbose=0)
    return {**masks, "logits": model.predict(image, verbose=0)}


def network_with(chosen):
    """Return pytorchcv's Attention-56 with only the chosen deviations."""

    class Mask(PytorchcvSoftMaskBranch):
        def build(self, input_shape):
            super().build(input_shape)
            if "mask poolings" not in chosen:
                self.pool = CeilMaxPooling2D(self.data_format)
            if "extra skips" not in chosen:
                self.skips = [Less(skip) for skip in self.skips]

        def call(self, inputs, training=None):
            x, trunk = inputs
            if "trunk added" not in chosen:
                trunk = ops.zeros_like(trunk)
            return super().call([x, trunk], training=training)

    pool = PaddedMaxPooling2D if "stem pooling" in chosen else CeilMaxPooling2D

    def network(**kwargs):
        with mock.patch.multiple(
            pytorchcv, PytorchcvSoftMaskBranch=Mask, PaddedMaxPooling2D=pool
        ):
            return pytorchcv.Attention56(**kwargs)

    return network


class Less:
    """A skip unit minus its input, which cancels the extra skip."""

    def __init__(self, unit):
        self.unit = unit

    def __getattr__(self, name):
        return getattr(self.unit, name)

    def __call__(self, x, training=None):
        return self.unit(x, training=training) - x


if __name__ == "__main__":
    main()
