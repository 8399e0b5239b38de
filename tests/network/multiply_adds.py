"""How many multiply-adds a network's convolutions and dense layers need."""

import math

import keras


def multiply_adds(model, image, monkeypatch):
    """Return the multiply-adds of one forward pass, and its output.

    A product with a weight and its sum are one; biases, normalizations,
    activations and poolings are left out.

    Args:
        model: A `keras.Model`.
        image: A batch of one.
        monkeypatch: pytest's.
    """
    counts = []

    def counted(call):
        def call_and_count(layer, *args, **kwargs):
            outputs = call(layer, *args, **kwargs)
            # Each weight takes part in every position of the output map.
            positions = math.prod(outputs.shape) // layer.kernel.shape[-1]
            counts.append(math.prod(layer.kernel.shape) * positions)
            return outputs

        return call_and_count

    with monkeypatch.context() as patch:
        for layer_class in (keras.layers.Conv2D, keras.layers.Dense):
            patch.setattr(layer_class, "call", counted(layer_class.call))
        outputs = model(image)
    return sum(counts), outputs
