"""What must hold of every layer, as one checklist."""

import keras
import numpy as np


def check_layer(make, inputs, output_shape):
    """Check a layer's shapes, dtypes, configuration and data formats.

    Args:
        make: A function of keyword arguments (name, dtype, data_format) that
            returns the layer.
        inputs: A channels-last array, or a list of them.
        output_shape: The expected shape of the output.
    """
    layer = make(name="layer")
    outputs = to_numpy(layer(inputs))
    assert outputs.shape == output_shape
    assert outputs.dtype == "float32"
    assert np.isfinite(outputs).all()
    _check_symbolic_shape(make, inputs, output_shape)
    _check_configuration(layer, inputs, outputs)
    _check_mixed_precision(make, inputs, output_shape)


def check_channels_first(make, inputs):
    """Check that a layer computes the same in both data formats."""
    last, first = make(data_format="channels_last"), make(data_format="channels_first")
    expected = last(inputs)
    transposed = each(inputs, lambda x: x.transpose(0, 3, 1, 2))
    first.build(shapes(transposed))
    first.set_weights(last.get_weights())
    outputs = to_numpy(first(transposed)).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(outputs, to_numpy(expected), atol=1e-5)


def _check_symbolic_shape(make, inputs, output_shape):
    symbolic = each(inputs, lambda x: keras.Input((None, None, x.shape[-1])))
    expected = (None, None, None, output_shape[-1])
    assert tuple(make()(symbolic).shape) == expected
    symbolic = each(inputs, lambda x: keras.Input(x.shape[1:]))
    assert tuple(make()(symbolic).shape) == (None, *output_shape[1:])


def _check_configuration(layer, inputs, outputs):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    assert again.built  # so that its weights can be loaded
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(to_numpy(again(inputs)), outputs, atol=1e-6)


def _check_mixed_precision(make, inputs, output_shape):
    layer = make(dtype="mixed_bfloat16")
    outputs = layer(inputs)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert tuple(outputs.shape) == output_shape
    dtypes = {keras.backend.standardize_dtype(w.dtype) for w in layer.weights}
    assert dtypes <= {"float32"}


def randomize(layer, seed=0):
    """Give a built layer weights unlike its initial ones, all of them."""
    rng = np.random.default_rng(seed)
    weights = [rng.uniform(0.2, 1.0, w.shape) for w in layer.get_weights()]
    layer.set_weights([w.astype("float32") for w in weights])


def each(inputs, function):
    if isinstance(inputs, list):
        return [function(x) for x in inputs]
    return function(inputs)


def shapes(inputs):
    return each(inputs, lambda x: x.shape)


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def images(*shape, seed=0):
    """Return random maps, negative values among them."""
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")
