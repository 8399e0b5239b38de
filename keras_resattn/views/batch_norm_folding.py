"""Batch normalization folded into the convolutions before it, for inference."""

import collections
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_resattn.layers.geometry import channel_axis
from keras_resattn.typing import Array
from keras_resattn.typing import Tensor
from keras_resattn.views.flat import flat_copy
from keras_resattn.views.graph import Node
from keras_resattn.views.graph import flatten_layers
from keras_resattn.views.graph import named_sublayers
from keras_resattn.views.graph import nodes_of
from keras_resattn.views.graph import own_variables

FOLDED_INTO = (keras.layers.Conv2D, keras.layers.Dense)


def fold_batch_norm(model: keras.Model) -> keras.Model:
    """Return `model` with batch normalizations folded into convolutions.

    After training, a batch normalization multiplies each channel by a constant and
    adds a constant. If it follows a convolution or a dense layer, both constants become
    part of the kernel and the bias, and the maps are passed over once less. A batch
    normalization is folded if its input is the output of a convolution, or a
    concatenation of such outputs, that nothing else uses. The others stay, such as
    the first of a pre-activation unit, which follows a sum.

    The result is flat: the networks, units and branches in `model` are taken apart into
    their layers, which are copies. The masks, the layers at the top level and the
    last map keep their names (see `attention_masks` for networks called as layers), so
    that `attention_masks` works on it. A layer that cannot be traced, or that has
    weights of its own, stays whole.

    Example:

    >>> model = keras_resattn.cifar.Attention56(weights="cifar10")
    >>> folded = keras_resattn.fold_batch_norm(model)
    >>> images = np.random.rand(2, 32, 32, 3)
    >>> abs(folded.predict(images) - model.predict(images)).max() < 1e-4
    True
    >>> folded.save("folded.keras")

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`. It is not
            changed.

    Returns:
        A `keras.Model` for inference with the inputs and outputs of `model`.

    Raises:
        ValueError: If `model` has no graph.
    """
    flat = _take_apart(flat_copy(model))
    return _fold(flat, _folds(flat))


def _take_apart(model: keras.Model) -> keras.Model:
    """Return the graph of `model` with composite layers taken apart."""
    whole = set()  # those that cannot be taken apart

    def call(layer: keras.Operation, *args: Any, **kwargs: Any) -> Tensor:
        if not _is_composite(layer) or layer in whole:
            return layer(*args, **kwargs)
        # Names in a graph are unique.
        for name, inner in named_sublayers(layer):
            inner.name = f"{layer.name}_{name}"
        try:
            # Not `layer(...)`, so that the layers inside become nodes of the graph.
            return layer.call(*args, **kwargs)
        except Exception:  # a layer of others may do anything with a tensor
            whole.add(layer)
            return layer(*args, **kwargs)

    while any(_is_composite(layer) and layer not in whole for layer in model.layers):
        model = _rerun(model, lambda layer: layer, call)
    return model


def _is_composite(layer: keras.Operation) -> bool:
    if not isinstance(layer, keras.layers.Layer) or own_variables(layer):
        return False
    inner = flatten_layers(layer, include_self=False)
    return any(isinstance(x, keras.layers.BatchNormalization) for x in inner)


def _folds(model: keras.Model) -> dict[keras.Operation, list[keras.layers.Layer]]:
    """Return the batch normalizations to fold, and the layers to fold each into."""
    nodes = nodes_of(model)
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
            if node.arguments.kwargs.get("training"):
                continue  # it always uses the statistics of the batch
            sources = _sources(node.input_tensors, layer, producers)
            # Another sum means that the maps are not joined along their channels.
            if sum(x.kernel.shape[-1] for x in sources) == layer.moving_mean.shape[0]:
                found[layer] = sources
    return found


def _sources(
    tensors: list[keras.KerasTensor],
    normalization: keras.layers.BatchNormalization,
    producers: dict[int, Node],
) -> list[keras.layers.Layer]:
    """Return the convolutions whose outputs the tensors are, or none."""
    sources: list[keras.layers.Layer] = []
    for tensor in tensors:
        node: Any = producers.get(id(tensor))
        operation: Any = node.operation if node else None
        if type(operation).__name__ == "Concatenate":
            found = _sources(node.input_tensors, normalization, producers)
        else:
            found = [operation] if _folds_into(operation, normalization) else []
        if not found:
            return []
        sources += found
    return sources


def _folds_into(layer: Any, normalization: keras.layers.BatchNormalization) -> bool:
    if type(layer) not in FOLDED_INTO:  # a subclass may compute something else
        return False
    linear = layer.activation is keras.activations.linear
    rank = normalization.input_spec.ndim
    channels = channel_axis(getattr(layer, "data_format", "channels_last"))
    return linear and normalization.axis % rank == channels % rank


def _fold(
    model: keras.Model, folds: dict[keras.Operation, list[keras.layers.Layer]]
) -> keras.Model:
    """Return `model` without the folded layers, and with the changed convolutions."""
    folded = {}
    for normalization, layers in folds.items():
        scale, shift = scale_and_shift(normalization)
        ends = np.cumsum([layer.kernel.shape[-1] for layer in layers])
        parts = zip(np.split(scale, ends[:-1]), np.split(shift, ends[:-1]), strict=True)
        for layer, part in zip(layers, parts, strict=True):
            folded[layer] = _with_bias(layer, *part)

    def call(layer: keras.Operation, *args: Any, **kwargs: Any) -> Tensor:
        return args[0] if layer in folds else layer(*args, **kwargs)

    return _rerun(model, lambda layer: folded.get(layer, layer), call)


def scale_and_shift(
    normalization: keras.layers.BatchNormalization,
) -> tuple[Array, Array]:
    """Return what a trained batch normalization multiplies by and what it adds.

    Args:
        normalization: A built `keras.layers.BatchNormalization`.

    Returns:
        A tuple of two float64 arrays `(channels,)`.
    """
    variance = _float64(normalization.moving_variance) + normalization.epsilon
    scale = (_float64(normalization.gamma) if normalization.scale else 1.0) / np.sqrt(
        variance
    )
    beta = _float64(normalization.beta) if normalization.center else 0.0
    return scale, beta - _float64(normalization.moving_mean) * scale


def _with_bias(
    layer: keras.layers.Layer, scale: Array, shift: Array
) -> keras.layers.Layer:
    """Return a copy of a layer whose output is `scale` times its own, plus `shift`."""
    copy = type(layer).from_config({**layer.get_config(), "use_bias": True})
    copy.build_from_config(layer.get_build_config())
    bias = _float64(layer.bias) if layer.use_bias else 0.0
    copy.set_weights([_float64(layer.kernel) * scale, bias * scale + shift])
    return copy


def _float64(variable: keras.Variable) -> Array:
    return keras.ops.convert_to_numpy(variable.value).astype("float64")


def _rerun(
    model: keras.Model,
    clone_function: Callable[[keras.Operation], keras.Operation],
    call_function: Callable[..., Tensor],
) -> keras.Model:
    """Return the graph of `model` with other layers or calls."""
    return keras.models.clone_model(
        model, clone_function=clone_function, call_function=call_function
    )
