"""Parameters and multiply-adds of a model, counted from its graph."""

import contextlib
import math
import re
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.geometry import batch_shape
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import spatial_axes
from keras_resattn.typing import Tensor
from keras_resattn.views.data_format import check_data_format
from keras_resattn.views.graph import flatten_layers
from keras_resattn.views.graph import layers_by_network
from keras_resattn.views.graph import own_variables


class Part(NamedTuple):
    """What one branch of one stage costs.

    Attributes:
        stage: `"stem"`, `"stage1"`, ..., `"head"`; or `"network"` for a model
            whose layers are not named by stages. If a model calls two networks with
            stages, the name of the network comes first: `"left_stage1"`. A network
            without stages beside one with stages is counted under its own name.
        branch: `"trunk"` (trunk branches), `"mask"` (mask branches) or
            `"rest"` (everything else).
        parameters: The number of trainable parameters.
        non_trainable: The number of other weights: moving statistics, and the
            weights of frozen layers.
        multiply_adds: The multiply-adds of convolutions and dense layers for
            one image.
    """

    stage: str
    branch: str
    parameters: int
    non_trainable: int
    multiply_adds: int


class Complexity(NamedTuple):
    """The parts of a model and what they cost. `print` shows a table.

    Attributes:
        size: Height and width of the image.
        parts: A tuple of `Part`, in the order of the network.
    """

    size: tuple[int, int]
    parts: tuple[Part, ...]

    @property
    def parameters(self) -> int:
        """The number of trainable parameters."""
        return sum(part.parameters for part in self.parts)

    @property
    def non_trainable(self) -> int:
        """The number of weights that are not trained."""
        return sum(part.non_trainable for part in self.parts)

    @property
    def multiply_adds(self) -> int:
        """The multiply-adds of convolutions and dense layers for one image."""
        return sum(part.multiply_adds for part in self.parts)

    def __str__(self) -> str:
        height, width = self.size
        rows = [(*part[:3], part.multiply_adds) for part in self.parts]
        rows.append(("total", "", self.parameters, self.multiply_adds))
        n = max(10, 2 + max(len(row[0]) for row in rows))
        lines = [f"{'stage':{n}}{'branch':8}{'parameters':>14}{'multiply-adds':>18}"]
        lines += [f"{a:{n}}{b:8}{c:14,}{d:18,}" for a, b, c, d in rows]
        lines.append(
            f"One image of {height} x {width}. Not trained: {self.non_trainable:,} "
            "weights (moving statistics, frozen layers)."
        )
        return "\n".join(lines)


def complexity(
    model: keras.Model, size: int | tuple[int, int] | None = None
) -> Complexity:
    """Count parameters and multiply-adds per stage and per branch.

    The graph is traced for an image of the given size, without computing it.
    The kernel of a convolution or dense layer counts once for each position
    of its output, so the products of queries, keys and values of multi-head attention
    are not counted. A multiply-add is one multiplication and one addition, which
    the paper calls a FLOP. Normalization, activation, pooling and resizing
    are not counted.

    Example:

    >>> print(keras_resattn.complexity(keras_resattn.Attention92(), size=320))

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential` on images. It
            may call networks as layers.
        size: Integer or a pair of integers, height and width of the image.
            Defaults to the size of the model's input.

    Returns:
        A `Complexity`: `parameters`, `non_trainable`, `multiply_adds`, and
        these for each stage and branch in `parts`.

    Raises:
        ValueError: If `model` has no graph or other inputs, or no size is given and the
            model's input has none.
    """
    places = _places(model)
    _check_takes_images(model)
    check_data_format(model)
    height, width = _image_size(model, size)
    data_format = keras.config.image_data_format()
    channels = model.input_shape[channel_axis(data_format)]
    images = keras.KerasTensor(
        batch_shape(1, (height, width), channels, data_format),
        dtype=model.inputs[0].dtype,
    )
    counts: dict[tuple[str, str], list[int]] = {}
    with contextlib.ExitStack() as stack:
        for layer, place in places:
            part = counts.setdefault(place, [0, 0, 0])
            part[0] += _count(layer.trainable_weights)
            part[1] += _count(layer.non_trainable_weights)
            for leaf in flatten_layers(layer):
                stack.enter_context(_counting(leaf, part, data_format))
        # The layers' own shape functions would not call the layers inside.
        keras.Operation.compute_output_spec(model, images)
    parts = (Part(*place, *part) for place, part in counts.items() if any(part))
    return Complexity((height, width), tuple(parts))


def _check_takes_images(model: keras.Model) -> None:
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(
            "Costs are counted for networks with one input, a batch of images "
            "(N, height, width, channels). Pass the network of the images alone. "
            f"Received: model.input_shape={shape}"
        )


def _image_size(
    model: keras.Model, size: int | tuple[int, int] | None
) -> tuple[int, int]:
    if isinstance(size, int | np.integer):
        size = (int(size), int(size))
    elif size is None:
        axes = spatial_axes(keras.config.image_data_format())
        height, width = (model.input_shape[axis] for axis in axes)
        size = height, width
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise ValueError(
            "`size` must be an integer, or a pair of them: height and width. "
            f"Received: size={size!r}"
        )
    if None in size:
        raise ValueError(
            "The model takes images of any size; give the `size` to count for. "
            f"Received: size=None, model.input_shape={model.input_shape}"
        )
    height, width = (positive_integer("size", n) for n in size)
    return height, width


def _places(model: keras.Model) -> list[tuple[keras.layers.Layer, tuple[str, str]]]:
    """Return the layers of a model, and the stage and branch of each by its name."""
    layers = layers_by_network(model)
    staged = {path for path, layer in layers if layer.name.startswith("stage1_")}
    stages: dict[tuple[str, ...], str] = {}  # the last stage of each network
    places = []
    for path, layer in layers:
        named = re.match(r"(stage\d+)_(?:attention\d+_(trunk|mask)$)?", layer.name)
        branch = named[2] if named and named[2] else "rest"
        if named:
            stage = stages[path] = named[1]
        elif path in staged:
            stage = "head" if path in stages else "stem"
        elif not staged:
            stage = "network"
        elif path:  # another network without stages
            stage = "_".join(path)
        else:
            stage = "head" if stages else "stem"
        # Stages of one network alone need no name of the network.
        if path in staged and len(staged) > 1:
            stage = "_".join((*path, stage))
        places.append((layer, (stage, branch)))
    return places


def _count(weights: list[keras.Variable]) -> int:
    # The state of a random generator is not a parameter.
    return sum(math.prod(w.shape) for w in weights if "seed" not in w.name)


@contextlib.contextmanager
def _counting(
    layer: keras.layers.Layer, part: list[int], data_format: str
) -> Iterator[None]:
    """Within the context, each call of a layer adds its multiply-adds to a part."""
    kernel = sum(math.prod(w.shape) for w in own_variables(layer) if is_kernel(w))
    call = layer.call

    def counted(*args: Any, **kwargs: Any) -> Tensor:
        outputs = call(*args, **kwargs)
        part[2] += kernel * _positions(layer, outputs.shape, data_format)
        return outputs

    if not kernel:
        yield
        return
    replaced = vars(layer).get("call")  # such as the one of a fused layer
    layer.call = counted
    try:
        yield
    finally:
        del layer.call
        if replaced is not None:
            layer.call = replaced


def _positions(
    layer: keras.layers.Layer, shape: tuple[int, ...], data_format: str
) -> int:
    """Return how often the kernel of a layer is used for an output of a shape."""
    if isinstance(layer, keras.layers.EinsumDense):
        inputs, output = layer.equation.replace("...", "").split("->")
        kernel = inputs.split(",")[1]
        first = len(shape) - len(output)  # the axes of "...", with the batch
        named = zip(output, shape[first:], strict=True)
        own = [size for letter, size in named if letter not in kernel]
        return math.prod([*shape[:first], *own])  # the batch is one image
    if len(shape) == 4 and not isinstance(layer, keras.layers.Dense):
        return math.prod(shape[axis] for axis in spatial_axes(data_format))
    return math.prod(shape[1:-1])


def is_kernel(weight: keras.Variable) -> bool:
    """Return whether a weight is the kernel of a convolution or a dense layer."""
    return weight.name.endswith("kernel")
