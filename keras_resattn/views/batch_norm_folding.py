"""Batch normalization folded into the convolutions before it, for inference."""

import collections

import keras
import numpy as np

from keras_resattn.layers.geometry import channel_axis

FOLDED_INTO = (keras.layers.Conv2D, keras.layers.Dense)


def fold_batch_norm(model):
    """Returns `model` with batch normalizations folded into convolutions.

    After training, a batch normalization multiplies and shifts each channel by
    constants. Where it follows a convolution (or a dense layer) they become part
    of its kernel and bias, and a pass over the maps is saved. Folded are those
    whose input is a convolution's output, or a concatenation of such outputs,
    that nothing else uses. The others stay, such as those at the beginning of a
    pre-activation unit, which follow a sum.

    The result is flat: units and branches of `model` are taken apart into their
    layers, which are copies. The masks, the layers at the top level and
    the last map keep their names, so that `attention_masks` works on it. A layer
    that cannot be traced, or that has weights of its own, stays whole.

    Example:

    >>> model = keras_resattn.cifar.Attention56(weights="cifar10")
    >>> folded = keras_resattn.fold_batch_norm(model)
    >>> images = np.random.rand(2, 32, 32, 3)
    >>> abs(folded.predict(images) - model.predict(images)).max() < 1e-4
    True
    >>> folded.save("folded.keras")

    Args:
        model: A functional `keras.Model`. It is not changed.

    Returns:
        A `keras.Model` for inference with the inputs and outputs of `model`.

    Raises:
        ValueError: If `model` is not functional.
    """
    if not isinstance(model, keras.Model) or not hasattr(model, "_nodes_by_depth"):
        raise ValueError(
            "Batch normalization is folded in functional models, as all networks "
            f"of keras_resattn are. Received: model={model!r}"
        )
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    flat = _flatten(copy)
    return _fold(flat, _folds(flat))


def _flatten(model):
    """Return the graph of `model` with composite layers taken apart."""
    whole = set()  # those that cannot be taken apart

    def call(layer, *args, **kwargs):
        if not _is_composite(layer) or layer in whole:
            return layer(*args, **kwargs)
        _name_inner_layers(layer)
        try:
            # Not `layer(...)`: so the layers inside become nodes of the graph.
            return layer.call(*args, **kwargs)
        except Exception:  # of another's layer, which may do anything with a tensor
            whole.add(layer)
            return layer(*args, **kwargs)

    while any(_is_composite(layer) and layer not in whole for layer in model.layers):
        model = _rerun(model, lambda layer: layer, call)
    return model


def _is_composite(layer):
    if not isinstance(layer, keras.layers.Layer):
        return False
    # Keras has no public way to the layers inside of layers.
    inner = layer._flatten_layers(include_self=False)
    has_own_weights = layer._trainable_variables or layer._non_trainable_variables
    return not has_own_weights and any(
        isinstance(x, keras.layers.BatchNormalization) for x in inner
    )


def _name_inner_layers(layer):
    """Name the layers inside of a layer after it: names in a graph are unique."""
    # On PyTorch, a module keeps the modules inside of it apart.
    attributes = {**vars(layer), **vars(layer).get("_modules", {})}
    for attribute, value in attributes.items():
        if attribute.startswith("_"):
            continue
        numbered = {"": value}
        if isinstance(value, (list, tuple)):
            numbered = dict(enumerate(value, start=1))
        for number, inner in numbered.items():
            if isinstance(inner, keras.layers.Layer):
                inner.name = f"{layer.name}_{attribute}{number}"


def _folds(model):
    """Return the layers to fold into, for each batch normalization to be folded."""
    nodes = [node for row in model._nodes_by_depth.values() for node in row]
    read = [x for node in nodes for x in node.input_tensors] + model.outputs
    uses = collections.Counter(id(tensor) for tensor in read)
    calls = collections.Counter(node.operation for node in nodes)
    producers = {
        id(node.outputs[0]): node
        for node in nodes
        if calls[node.operation] == 1 and uses[id(node.outputs[0])] == 1
    }
    found = {}
    for node in nodes:
        layer = node.operation
        if isinstance(layer, keras.layers.BatchNormalization) and calls[layer] == 1:
            sources = _sources(node.input_tensors, layer, producers)
            # More than all channels, or fewer, are not joined by their channels.
            if sum(x.kernel.shape[-1] for x in sources) == layer.moving_mean.shape[0]:
                found[layer] = sources
    return found


def _sources(tensors, normalization, producers):
    """Return the convolutions that give the tensors, or none if others do."""
    sources = []
    for tensor in tensors:
        node = producers.get(id(tensor))
        operation = node and node.operation
        if type(operation).__name__ == "Concatenate":
            found = _sources(node.input_tensors, normalization, producers)
        else:
            found = [operation] if _folds_into(operation, normalization) else []
        if not found:
            return []
        sources += found
    return sources


def _folds_into(layer, normalization):
    if type(layer) not in FOLDED_INTO:  # a subclass may compute something else
        return False
    linear = layer.activation is keras.activations.linear
    rank = normalization.input_spec.ndim
    channels = channel_axis(getattr(layer, "data_format", "channels_last"))
    return linear and normalization.axis % rank == channels % rank


def _fold(model, folds):
    """Return `model` with new layers in place of those folded into."""
    folded = {}
    for normalization, layers in folds.items():
        scale, shift = scale_and_shift(normalization)
        ends = np.cumsum([layer.kernel.shape[-1] for layer in layers])
        parts = zip(np.split(scale, ends[:-1]), np.split(shift, ends[:-1]), strict=True)
        for layer, part in zip(layers, parts, strict=True):
            folded[layer] = _with_bias(layer, *part)

    def call(layer, *args, **kwargs):
        return args[0] if layer in folds else layer(*args, **kwargs)

    return _rerun(model, lambda layer: folded.get(layer, layer), call)


def scale_and_shift(normalization):
    """Return what a batch normalization multiplies by, and adds."""
    variance = _float64(normalization.moving_variance) + normalization.epsilon
    scale = (_float64(normalization.gamma) if normalization.scale else 1.0) / np.sqrt(
        variance
    )
    beta = _float64(normalization.beta) if normalization.center else 0.0
    return scale, beta - _float64(normalization.moving_mean) * scale


def _with_bias(layer, scale, shift):
    """Return a copy of a layer whose output is `scale` times its own, plus `shift`."""
    copy = type(layer).from_config({**layer.get_config(), "use_bias": True})
    copy.build_from_config(layer.get_build_config())
    bias = _float64(layer.bias) if layer.use_bias else 0.0
    copy.set_weights([_float64(layer.kernel) * scale, bias * scale + shift])
    return copy


def _float64(variable):
    return keras.ops.convert_to_numpy(variable.value).astype("float64")


def _rerun(model, clone_function, call_function):
    """Return the graph of `model` with other layers or calls."""
    return keras.models.clone_model(
        model, clone_function=clone_function, call_function=call_function
    )
