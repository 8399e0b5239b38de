"""Models that hold other models, as one flat graph."""

import collections
import inspect
import weakref
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import keras

from keras_resattn.typing import Tensor
from keras_resattn.views.graph import Node
from keras_resattn.views.graph import call_arguments
from keras_resattn.views.graph import call_index
from keras_resattn.views.graph import flatten_layers
from keras_resattn.views.graph import graph_of
from keras_resattn.views.graph import is_network
from keras_resattn.views.graph import nodes_of
from keras_resattn.views.graph import producer_of
from keras_resattn.views.renamed import Renamed

# The flat graph of a nested model, as long as the model lives.
_flat_graphs: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def is_nested(model: keras.Model) -> bool:
    """Return whether the graph of a model calls other models."""
    return any(is_network(node.operation) for node in nodes_of(model))


def flattened(model: keras.Model) -> keras.Model:
    """Return a model with the networks that it calls taken apart into their layers.

    The result has the input tensors of `model` and shares its layers and weights. The
    layers keep their names. Only if two networks inside `model` have layers of the same
    name, or one network is called twice, all names of layers inside networks begin with
    the names of these networks: `left_stage1_attention1_mask`, or
    `siamese_call2_stage1_attention1_mask` for the second call. A single layer is also
    named in this way if `model` itself has a layer of its name.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`.

    Returns:
        A functional `keras.Model`; `model` itself if it calls no other model.

    Raises:
        ValueError: If `model` has no graph, or a network in it is called with a mask.
    """
    graph = graph_of(model)
    if not is_nested(graph):
        return graph
    if graph not in _flat_graphs:
        _flat_graphs[graph] = _flatten(graph, _Renaming, model.name)
    return _flat_graphs[graph]


def flat_copy(model: keras.Model) -> keras.Model:
    """Return a copy of a model, flat, with weights and names of its own.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`.

    Returns:
        A functional `keras.Model` with the names of `flattened`.
    """
    graph_of(model)  # or an error
    copy = graph_of(copy_with_weights(model))
    copy.name = model.name
    if not is_nested(copy):
        return copy
    return _flatten(copy, _RenamingInPlace, model.name)


def copy_with_weights(model: keras.Model, **options: Any) -> keras.Model:
    """Return what `keras.models.clone_model` gives, with the weights of the model.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`.
        **options: Arguments of `keras.models.clone_model`.
    """
    copy = keras.models.clone_model(model, **{"recursive": True, **options})
    copy.set_weights(model.get_weights())
    for layer in flatten_layers(copy):
        if hasattr(layer, "finalize_state"):  # preprocessing: it follows its weights
            layer.finalize_state()
    return copy


# === The calls of a nested graph ===


class _Call(NamedTuple):
    """A node, the names of the networks that lead to it, and the calls inside it."""

    path: tuple[str, ...]
    node: Node
    inner: list[Any] | None

    @property
    def key(self) -> tuple[tuple[str, ...], keras.Operation]:
        """What has one name in the flat graph: an operation in a network."""
        return self.path, self.node.operation


def _calls(graph: keras.Model, path: tuple[str, ...] = ()) -> list[_Call]:
    """Return the calls of a graph in their order, with those inside networks."""
    nodes = [node for node in nodes_of(graph) if not node.is_input]
    calls = []
    for node in nodes:
        network, inner = node.operation, None
        if is_network(network):
            # Nodes of the same depth are not in the order of the calls.
            indices = sorted(call_index(n) for n in nodes if n.operation is network)
            number = 1 + indices.index(call_index(node))
            suffix = f"_call{number}" if len(indices) > 1 else ""
            inner = _calls(graph_of(network), (*path, network.name + suffix))
        calls.append(_Call(path, node, inner))
    return calls


def _leaves(calls: list[_Call]) -> Iterator[_Call]:
    for call in calls:
        if call.inner is None:
            yield call
        else:
            yield from _leaves(call.inner)


def _names(graph: keras.Model, calls: list[_Call]) -> dict[Any, str]:
    """Return the name of each operation in a flat graph, by the key of its calls."""
    leaves = list(_leaves(calls))
    names = {call.key: call.node.operation.name for call in leaves if not call.path}
    taken = {*names.values(), *(producer_of(x).name for x in graph.inputs)}
    alike = _have_names_in_common(leaves)
    for call in leaves:
        if call.key in names:
            continue
        name = call.node.operation.name
        if alike or name in taken:
            name = "_".join((*call.path, name))
        while name in taken:
            name += "_inner"
        taken.add(name)
        names[call.key] = name
    return names


def _have_names_in_common(leaves: list[_Call]) -> bool:
    """Return whether two networks inside a model have operations of the same name."""
    paths = collections.defaultdict(set)
    for call in leaves:
        if call.path:
            paths[call.node.operation.name].add(call.path)
    return any(len(found) > 1 for found in paths.values())


# === The operations of a flat graph ===


class _Renaming:
    """Give operations of a model their names in a flat graph, but do not change them.

    Args:
        names: What `_names` returns.
    """

    def __init__(self, names: dict[Any, str]) -> None:
        self.names = names
        self.made: dict[Any, keras.Operation] = {}

    def operation(self, call: _Call, training: bool | None) -> keras.Operation:
        if call.key not in self.made:
            operation, name = call.node.operation, self.names[call.key]
            self.made[call.key] = self.rename(operation, name, training)
        return self.made[call.key]

    def rename(
        self, operation: keras.Operation, name: str, training: bool | None
    ) -> keras.Operation:
        taken = name != operation.name  # its own name
        if isinstance(operation, keras.layers.Layer):
            hides = training is not None and _hides_mode(operation)
            return Renamed(operation, name=name) if hides or taken else operation
        return _copied(operation, name) if taken else operation


def _copied(operation: keras.Operation, name: str) -> keras.Operation:
    """Return a copy of an operation without weights."""
    return type(operation).from_config({**operation.get_config(), "name": name})


def _hides_mode(layer: keras.layers.Layer) -> bool:
    """Return whether Keras would not note the training mode of a call in the graph.

    It notes the mode only if the layer's `call` has the argument. But the layers
    inside the layer are called in this mode.
    """
    has_argument = "training" in inspect.signature(layer.call).parameters
    return not has_argument and len(flatten_layers(layer)) > 1


class _RenamingInPlace(_Renaming):
    """Give operations of a copy of a model their names in a flat graph."""

    def __init__(self, names: dict[Any, str]) -> None:
        super().__init__(names)
        self.seen: set[keras.Operation] = set()

    def rename(
        self, operation: keras.Operation, name: str, training: bool | None
    ) -> keras.Operation:
        if operation not in self.seen:
            self.seen.add(operation)
            operation.name = name
            return operation
        # The network is called twice. Layers with weights stay shared.
        if getattr(operation, "variables", None):
            return operation
        return _copied(operation, name)


# === Calling a nested graph ===


def _flatten(graph: keras.Model, renaming: type[_Renaming], name: str) -> keras.Model:
    """Return a flat model: each operation called once more, on the graph's inputs."""
    calls = _calls(graph)
    operations = renaming(_names(graph, calls))
    outputs = _run(graph, calls, graph.inputs, None, operations)
    return keras.Model(graph.input, outputs, name=name)


def _run(
    graph: keras.Model,
    calls: list[_Call],
    inputs: list[Tensor],
    training: bool | None,
    operations: _Renaming,
) -> Any:
    tensors = dict(zip(map(id, graph.inputs), inputs, strict=True))
    for call in calls:
        args, kwargs = call_arguments(call.node, tensors)
        if training is not None and isinstance(call.node.operation, keras.Layer):
            kwargs = {**kwargs, "training": training}
        if call.inner is None:
            outputs = operations.operation(call, training)(*args, **kwargs)
        else:
            network = graph_of(call.node.operation)
            given, mode = _network_arguments(network, *args, **kwargs)
            outputs = _run(network, call.inner, given, mode, operations)
        computed = keras.tree.flatten(outputs)
        tensors |= zip(map(id, call.node.outputs), computed, strict=True)
    results = [tensors[id(output)] for output in graph.outputs]
    return keras.tree.pack_sequence_as(graph.output, results)


def _network_arguments(
    network: keras.Model, inputs: Any, training: bool | None = None, mask: Any = None
) -> tuple[list[Tensor], bool | None]:
    """Return the tensors that a network is called with, and its training mode."""
    if any(x is not None for x in keras.tree.flatten(mask)):
        raise ValueError(
            "Views of a model cannot enter a network that is called with a mask; call "
            f"it without. Received: the network {network.name!r} with mask={mask!r}"
        )
    if isinstance(inputs, dict) and not isinstance(network.input, dict):
        inputs = [inputs[x.name] for x in network.inputs]
    pairs = zip(keras.tree.flatten(inputs), network.inputs, strict=True)
    return [_as_dtype(x, own.dtype) for x, own in pairs], training


def _as_dtype(tensor: Tensor | None, dtype: str) -> Tensor | None:
    """Return a tensor as a network casts its inputs."""
    if tensor is None or tensor.dtype == dtype:
        return tensor
    return keras.ops.cast(tensor, dtype)
