"""The attention modules in the graph of a model: where their tensors are."""

import re
from typing import NamedTuple

import keras

from keras_resattn.layers.attention import Fusion
from keras_resattn.views.data_format import check_data_format
from keras_resattn.views.flat import flattened
from keras_resattn.views.graph import Node
from keras_resattn.views.graph import flatten_layers
from keras_resattn.views.graph import is_functional
from keras_resattn.views.graph import nodes_of
from keras_resattn.views.renamed import unwrap


class ModuleTensors(NamedTuple):
    """The tensors of one attention module in a model's graph.

    Attributes:
        trunk: The output of the trunk branch.
        mask: The mask that is applied to it.
        fused: The trunk fused with the mask.
    """

    trunk: keras.KerasTensor
    mask: keras.KerasTensor
    fused: keras.KerasTensor


def attention_modules(model: keras.Model) -> dict[str, ModuleTensors]:
    """Return the attention modules of a model by name, in the order of the network.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential` whose trunks and
            masks are fused by `AttentionResidualLearning` or `NaiveAttentionLearning`
            layers. It may call networks that have such layers.

    Returns:
        A dictionary from each module's name, such as `"stage1_attention1"`, to
        its `ModuleTensors`. These belong to the graph of `flattened(model)`, which has
        the input tensors of `model` and explains the names.

    Raises:
        ValueError: If `model` has no such layer, or holds a network where its graph
            does not lead, or its layers have another data format than Keras.
    """
    modules = find_modules(model) if is_functional(model) else {}
    if not modules:
        raise ValueError(
            "Attention masks are fused with trunk branches by "
            "AttentionResidualLearning or NaiveAttentionLearning layers, and this "
            "model has none. Pass a model made by keras_resattn, with attention. "
            f"Received: model={model!r}"
        )
    check_data_format(model)
    return modules


def find_modules(model: keras.Model) -> dict[str, ModuleTensors]:
    """Return what `attention_modules` returns, or `{}` if there are no modules."""
    modules: dict[str, ModuleTensors] = {}
    layers: dict[str, str] = {}
    for node in nodes_of(flattened(model)):
        if not isinstance(unwrap(node.operation), Fusion):
            _check_hides_no_module(model, unwrap(node.operation))
            continue
        name, tensors = module_name(node.operation), _tensors(node)
        if layers.setdefault(name, node.operation.name) != node.operation.name:
            raise ValueError(
                f"Two layers have names of the same module {name!r}; give them names "
                "that differ before the last '_', such as one_residual. Received: "
                f"{layers[name]!r} and {node.operation.name!r} in model={model!r}"
            )
        # One mask may be applied to several images, as `with_masks` does.
        if modules.setdefault(name, tensors).mask is not tensors.mask:
            raise ValueError(
                f"The layer {node.operation.name!r} is called more than once, so that "
                "its module has several masks. Build a network from the shared layers "
                f"and call that network instead. Received: model={model!r}"
            )
    return modules


def module_name(fusion: keras.Operation) -> str:
    """Return the name of the module whose trunk and mask a layer fuses."""
    # Without its last part, such as _residual. A number stays: Keras adds it.
    return re.sub("(?<=.)_[^_0-9][^_]*$", "", fusion.name)


def _tensors(node: Node) -> ModuleTensors:
    trunk, mask = node.input_tensors
    return ModuleTensors(trunk, mask, node.outputs[0])


def _check_hides_no_module(model: keras.Model, operation: keras.Operation) -> None:
    if not isinstance(operation, keras.layers.Layer):
        return
    inner = flatten_layers(operation, include_self=False)
    if any(isinstance(layer, Fusion) for layer in inner):
        kind = type(operation).__name__
        raise ValueError(
            f"The {kind} layer {operation.name!r} calls a network with attention "
            "modules in code of its own, so that its masks are not part of the model's "
            "graph. Pass the network that it holds, such as "
            f"model.get_layer({operation.name!r}).layer of a TimeDistributed layer. "
            f"Received: model={model!r} with a {kind} layer"
        )
