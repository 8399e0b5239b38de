"""The graph of a Keras model. Only this module uses what Keras does not promise.

Keras has no public way to the nodes of a model's graph, to the operation that made a
symbolic tensor, or to the layers inside a layer. Everything else in the packages asks
the functions below. `tests/views/test_graph.py` names each private attribute, so that a
version of Keras without one of them is noticed there.
"""

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras
from keras.src.models.functional import Functional

from keras_resattn.typing import Tensor

# A node of the graph: one call of an operation. Keras does not export its class.
Node = Any


# === Models ===


def is_functional(model: object) -> bool:
    """Return whether a model has a graph: a functional model or a built Sequential."""
    if isinstance(model, keras.Sequential):
        return model._functional is not None
    return isinstance(model, Functional)


def graph_of(model: keras.Model) -> keras.Model:
    """Return the functional model that holds the graph of a model.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`.

    Returns:
        `model` itself, or the functional model inside a `Sequential`.

    Raises:
        ValueError: If the model has no graph.
    """
    if not is_functional(model):
        raise ValueError(
            "Views of a model need its graph, and only functional models and built "
            "Sequential models have one. If the model calls a network in code of its "
            "own, pass that network. A Sequential model is built after its first call, "
            f"or if it begins with keras.Input. Received: model={model!r}"
        )
    return model._functional if isinstance(model, keras.Sequential) else model


def is_network(operation: keras.Operation) -> bool:
    """Return whether an operation is a model whose calls only run its graph."""
    plain = (keras.Sequential.call, Functional.call)
    return is_functional(operation) and type(operation).call in plain


def layers_by_network(
    model: keras.Model,
) -> list[tuple[tuple[str, ...], keras.layers.Layer]]:
    """Return the layers of a model and of the networks inside it, each once.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`.

    Returns:
        A list of pairs, in the order of the graph: the names of the networks that
        lead to a layer, `()` for a layer of `model` itself; and the layer.
    """
    found: dict[int, tuple[tuple[str, ...], keras.layers.Layer]] = {}

    def enter(network: keras.Model, path: tuple[str, ...]) -> None:
        for layer in graph_of(network).layers:
            if is_network(layer):
                enter(layer, (*path, layer.name))
            else:
                found.setdefault(id(layer), (path, layer))

    enter(model, ())
    return list(found.values())


# === Nodes and tensors ===


def nodes_of(model: keras.Model) -> list[Node]:
    """Return the nodes of a model's graph, inputs first.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential`.

    Returns:
        A list of nodes. A node has `operation`, `input_tensors`, `outputs` and
        `is_input`.
    """
    by_depth = graph_of(model)._nodes_by_depth
    depths = sorted(by_depth, reverse=True)
    return [node for depth in depths for node in reversed(by_depth[depth])]


def call_index(node: Node) -> int:
    """Return the position of a node among all calls of its operation, in any graph."""
    return node.operation._inbound_nodes.index(node)


def node_in(model: keras.Model, operation: keras.Operation) -> Node:
    """Return the first node of an operation in the graph of a model.

    An operation may be part of several graphs, and its `output` belongs to the first.

    Raises:
        KeyError: If the operation is not part of the graph.
    """
    for node in nodes_of(model):
        if node.operation is operation:
            return node
    raise KeyError(operation.name)


def producer_of(tensor: keras.KerasTensor) -> keras.Operation:
    """Return the operation whose output a symbolic tensor is."""
    return tensor._keras_history.operation


def call_arguments(
    node: Node, tensors: dict[int, Tensor]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a node's call with other tensors.

    Args:
        node: A node of a graph.
        tensors: A dictionary from the `id` of each symbolic tensor of the graph to the
            tensor that replaces it.

    Returns:
        A tuple: the positional arguments, and the keyword arguments.
    """
    return node.arguments.fill_in(tensors)


# === Layers inside a layer ===


def flatten_layers(
    layer: keras.layers.Layer, include_self: bool = True
) -> list[keras.layers.Layer]:
    """Return a layer or model and all layers inside it, at any depth."""
    return layer._flatten_layers(include_self=include_self)


def named_sublayers(layer: keras.layers.Layer) -> Iterator[tuple[str, Any]]:
    """Yield the layers that are attributes of a layer, with the attribute's name.

    The layers of a list have the attribute's name and a number from 1.
    """
    # On PyTorch, a module keeps the modules inside it in a dictionary of its own.
    attributes = {**vars(layer), **vars(layer).get("_modules", {})}
    for name, value in attributes.items():
        if name.startswith("_"):
            continue
        numbered: dict[Any, Any] = {"": value}
        if isinstance(value, (list, tuple)):
            numbered = dict(enumerate(value, start=1))
        for number, inner in numbered.items():
            if isinstance(inner, keras.layers.Layer):
                yield f"{name}{number}", inner


def own_variables(layer: keras.layers.Layer) -> list[keras.Variable]:
    """Return the variables of a layer itself, without those of the layers inside it.

    The trainable ones come first. A frozen layer's count as trainable.
    """
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def augmentations(layer: keras.layers.RandAugment) -> list[keras.layers.Layer]:
    """Return the layers among which a `RandAugment` layer chooses, in its order."""
    return [getattr(layer, name) for name in layer._AUGMENT_LAYERS]


# === What training replaces ===


def variable_index(
    optimizer: keras.optimizers.Optimizer, variable: keras.Variable
) -> int:
    """Return the position of a variable among those that an optimizer trains."""
    return optimizer._get_variable_index(variable)


def replace_moments(
    layer: keras.layers.BatchNormalization, moments: Callable[[Tensor, Any], Tensor]
) -> None:
    """Let a batch normalization compute the moments of a batch by another function.

    Args:
        layer: A `keras.layers.BatchNormalization`. It is changed.
        moments: A function of the inputs and the mask that returns mean and variance.
    """
    _check_has(layer, "_moments")
    layer._moments = moments


def symbolic_build(model: keras.Model, data_batch: Any) -> None:
    """Build the losses and metrics of a compiled model for a batch, on TensorFlow.

    Args:
        model: A compiled `keras.Model`.
        data_batch: A tuple of images and labels, or of their `tf.TensorSpec`s.
    """
    model._symbolic_build(data_batch=data_batch)


def replace_symbolic_build(model: keras.Model, build: Callable[..., None]) -> None:
    """Let a model build its losses and metrics by another function, on TensorFlow.

    Args:
        model: A compiled `keras.Model`. It is changed.
        build: A function of `iterator` or `data_batch`. Keras calls it before the
            first step.
    """
    _check_has(model, "_maybe_symbolic_build")
    model._maybe_symbolic_build = build


def _check_has(layer: keras.layers.Layer, attribute: str) -> None:
    """Raise an error if Keras does not have what is replaced: it would be ignored."""
    if not hasattr(layer, attribute):
        raise AttributeError(
            f"{type(layer).__name__} has no {attribute} to replace in this version of "
            "Keras; install the version that keras_resattn was tested with. "
            f"Received: keras {keras.__version__}"
        )
