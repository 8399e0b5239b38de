"""Check that no graph computes its kernels where oneDNN keeps the first ones.

oneDNN brings the kernel of a convolution into a layout of its own, in each call. With
the environment variable TF_ONEDNN_ASSUME_FROZEN_WEIGHTS=1, TensorFlow does it once and
keeps the result. If another kernel arrived later, the answer would be wrong. Kernels in
variables do not change while a version is served.
"""

import os
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

KEEP_KERNELS = "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS"

_CONVOLUTIONS = frozenset({"Conv2D", "Conv3D", "DepthwiseConv2dNative"})
# TensorFlow keeps the second factor of a product if it fuses it with a sum.
_PRODUCT = "MatMul"
_SUMS = frozenset({"BiasAdd", "Add", "AddV2"})


def check_kernels(graph: GraphDef) -> None:
    """Check that the kernels of a graph come from variables or constants.

    Args:
        graph: The `GraphDef` of a SavedModel.

    Raises:
        ValueError: If TensorFlow keeps kernels, and one depends on the input.
    """
    if os.environ.get(KEEP_KERNELS, "").lower() not in ("1", "true"):
        return
    for nodes, resources in _functions(graph):
        for node in _with_kept_kernel(nodes):
            if _depends_on_input(node.input[1], nodes, resources):
                raise ValueError(
                    "This model computes the kernel of a convolution or product from "
                    "its input, but the server keeps kernels between requests. Start "
                    f"it with the environment variable {KEEP_KERNELS}=0. Received: the "
                    f"operation {node.name} ({node.op})"
                )


def _with_kept_kernel(nodes: Mapping[str, NodeDef]) -> list[NodeDef]:
    summands = {
        _name(tensor)
        for node in nodes.values()
        if node.op in _SUMS
        for tensor in node.input
    }
    return [
        node
        for node in nodes.values()
        if node.op in _CONVOLUTIONS or (node.op == _PRODUCT and node.name in summands)
    ]


def _functions(
    graph: GraphDef,
) -> Iterator[tuple[Mapping[str, NodeDef], frozenset[str]]]:
    """Yield the nodes by name, and the names of variables that are arguments."""
    yield _by_name(graph.node), frozenset()
    for function in graph.library.function:
        arguments = function.signature.input_arg
        resources = {arg.name for arg in arguments if arg.type == tf.resource}
        yield _by_name(function.node_def), frozenset(resources)


def _by_name(nodes: Sequence[NodeDef]) -> dict[str, NodeDef]:
    return {node.name: node for node in nodes}


def _name(tensor: str) -> str:
    """Return the node of a tensor: `"a"` of `"a:output:0"` or `"^a"`."""
    return tensor.removeprefix("^").split(":")[0]


def _depends_on_input(
    tensor: str, nodes: Mapping[str, NodeDef], resources: frozenset[str]
) -> bool:
    seen, found = set(), [_name(tensor)]
    while found:
        name = found.pop()
        if name in seen or name in resources:
            continue
        seen.add(name)
        if name not in nodes or nodes[name].op == "Placeholder":
            return True
        found += map(_name, nodes[name].input)
    return False
