"""Draw Attention-56 and its mask branch from their graphs, as SVG files in docs/.

python docs/site/architecture.py
"""

import math
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import NamedTuple

import keras

import keras_resattn
from keras_resattn.views.graph import nodes_of

DOCS = Path(__file__).parents[1]
COLUMN, ROW, WIDTH, HEIGHT = 166, 46, 146, 36
KINDS = {
    "InputLayer": ("input", "#e8e8e8"),
    "UnitChain": ("residual unit", "#cfe3f5"),
    "PreActivationUnit": ("residual unit", "#cfe3f5"),
    "TrunkBranch": ("trunk branch", "#cfe3f5"),
    "SoftMaskBranch": ("soft mask branch", "#fbe3b5"),
    "AttentionResidualLearning": ("(1 + mask) x trunk", "#d5ecd0"),
    "CeilMaxPooling2D": ("max pooling", "#e8e8e8"),
    "AlignedResize": ("resize, aligned corners", "#e8e8e8"),
    "Add": ("sum", "#d5ecd0"),
    "Sigmoid": ("sigmoid: the mask", "#fbe3b5"),
    "Conv2D": ("convolution", "#e8e8e8"),
    "BatchNormalization": ("batch normalization", "#e8e8e8"),
    "Relu": ("ReLU", "#e8e8e8"),
    "Activation": ("ReLU", "#e8e8e8"),
    "GlobalAveragePooling2D": ("mean over positions", "#e8e8e8"),
    "Dense": ("classifier, softmax", "#e8e8e8"),
}
# They do not change an image: a cast of the type, and the border of the first layer.
HIDDEN = ("Cast", "ZeroPadding2D")


# From the kind of a layer and the shape of its output to the column of its box.
Column = Callable[[str, tuple[int, ...]], int]


class Box(NamedTuple):
    """A layer in a drawing: its place, its text, its colour, the boxes before it."""

    column: int
    row: int
    text: str
    shape: str
    colour: str
    inputs: list["Box"]


def boxes(
    model: keras.Model, column: Callable[[str, tuple[int, ...]], int]
) -> list[Box]:
    """Return a box for each call of a layer, in the order of the graph.

    Args:
        model: A functional model.
        column: A function that chooses the column of a box.
    """
    found: dict[int, Box] = {}
    drawn = []
    for node in nodes_of(model):
        kind = type(node.operation).__name__
        tensors = node.input_tensors
        # The second input of a resize has the size, and is not added.
        tensors = tensors[:1] if kind == "AlignedResize" else tensors
        inputs = [found[id(tensor)] for tensor in tensors]
        if kind in HIDDEN:
            found[id(node.outputs[0])] = inputs[0]
            continue
        text, colour = KINDS[kind]
        shape = node.outputs[0].shape[1:]
        row = 1 + max((box.row for box in inputs), default=-1)
        size = " x ".join(map(str, shape))
        box = Box(column(kind, shape), row, text, size, colour, inputs)
        found[id(node.outputs[0])] = box
        drawn.append(box)
    return drawn


def svg(drawn: list[Box], title: str) -> str:
    """Return the drawing of boxes and of the lines between them."""
    width = (1 + max(box.column for box in drawn)) * COLUMN
    height = (1 + max(box.row for box in drawn)) * ROW
    lines = [line(before, box) for box in drawn for before in box.inputs]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" font-family="sans-serif" text-anchor="middle">',
            f"<title>{escape(title)}</title>",
            *lines,
            *map(rectangle, drawn),
            "</svg>\n",
        ]
    )


def center(box: Box) -> tuple[int, int]:
    """Return the middle of a box in pixels."""
    return box.column * COLUMN + COLUMN // 2, box.row * ROW + ROW // 2


def line(before: Box, after: Box) -> str:
    """Return the line from a box to a later one; it leads past boxes between them."""
    (x, y), (to_x, to_y) = center(before), center(after)
    turn = to_y - ROW // 2 if to_x < x else y + ROW // 2
    path = f"M{x} {y}V{turn}H{to_x}V{to_y}"
    if to_x == x and after.row > before.row + 1:
        path = f"M{x} {y}V{turn}H{x - COLUMN // 2}V{to_y}H{to_x}"
    return f'<path d="{path}" fill="none" stroke="#888" stroke-width="1.5"/>'


def rectangle(box: Box) -> str:
    """Return a box with its text and the shape of its output."""
    x, y = center(box)
    return (
        f'<rect x="{x - WIDTH // 2}" y="{y - HEIGHT // 2}" width="{WIDTH}" '
        f'height="{HEIGHT}" rx="4" fill="{box.colour}" stroke="#888"/>'
        f'<text x="{x}" y="{y - 3}" font-size="12" fill="#111">'
        f"{escape(box.text)}</text>"
        f'<text x="{x}" y="{y + 12}" font-size="10" fill="#444">{box.shape}</text>'
    )


def main() -> None:
    """Write both drawings."""
    network = keras_resattn.Attention56()
    drawn = boxes(network, lambda kind, _: int(kind == "SoftMaskBranch"))
    path = DOCS / "attention56.svg"
    path.write_text(svg(drawn, "The graph of Attention-56"), "utf-8")
    branch = network.get_layer("stage1_attention1_mask")
    images = keras.Input(branch.input.shape[1:])
    # Calling the branch's method adds its inner layers to the graph.
    inside = keras.Model(images, branch.call(images))
    height = images.shape[1]
    drawn = boxes(inside, lambda _, shape: round(math.log2(height / shape[0])))
    path = DOCS / "soft_mask_branch.svg"
    path.write_text(svg(drawn, "The soft mask branch of stage 1"), "utf-8")


if __name__ == "__main__":
    main()
