"""The attention modules in the graph of a model: where their tensors are."""

from typing import NamedTuple

import keras

from keras_resattn.layers.attention import Fusion


class ModuleTensors(NamedTuple):
    """The tensors of one attention module in a model's graph.

    Attributes:
        trunk: What the trunk branch gives.
        mask: The mask that is applied to it.
        fused: Both fused.
    """

    trunk: keras.KerasTensor
    mask: keras.KerasTensor
    fused: keras.KerasTensor


def attention_modules(model):
    """Return the attention modules of a model by name, in the network's order.

    Args:
        model: A functional `keras.Model` whose trunks and masks are fused by
            `AttentionResidualLearning` or `NaiveAttentionLearning` layers.

    Returns:
        A dictionary from each module's name, such as `"stage1_attention1"`, to
        its `ModuleTensors`.

    Raises:
        ValueError: If `model` has no such layer.
    """
    layers = getattr(model, "layers", [])
    modules = {
        layer.name.rpartition("_")[0]: ModuleTensors(
            *node_in(model, layer).input_tensors, node_in(model, layer).outputs[0]
        )
        for layer in layers
        if isinstance(layer, Fusion)
    }
    if not modules:
        raise ValueError(
            "Attention masks are fused with trunk branches by "
            "AttentionResidualLearning or NaiveAttentionLearning layers, and this "
            "model has none. Pass a model made by keras_resattn, with attention. "
            f"Received: model={model!r}"
        )
    return modules


def node_in(model, layer):
    """Return the place of a layer in the graph of a model: its inputs, outputs.

    A layer may be part of several graphs, and `layer.output` is of the first.
    """
    for nodes in model._nodes_by_depth.values():
        for node in nodes:
            if node.operation is layer:
                return node
    raise KeyError(layer.name)
