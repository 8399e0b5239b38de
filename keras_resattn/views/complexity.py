"""Parameters and multiply-adds of a model, counted from its graph."""

import contextlib
import math
import re
from typing import NamedTuple

import keras

from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.geometry import batch_shape
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import spatial_axes


class Part(NamedTuple):
    """What one branch of one stage costs.

    Attributes:
        stage: `"stem"`, `"stage1"`, ..., `"head"`, or `"network"` for a model
            whose layers are not named by stages.
        branch: `"trunk"` (trunk branches), `"mask"` (mask branches) or
            `"rest"` (all else).
        parameters: The number of trainable parameters.
        non_trainable: The number of other weights: moving statistics.
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

    size: tuple
    parts: tuple

    @property
    def parameters(self):
        """The number of trainable parameters."""
        return sum(part.parameters for part in self.parts)

    @property
    def non_trainable(self):
        """The number of weights that are not trained."""
        return sum(part.non_trainable for part in self.parts)

    @property
    def multiply_adds(self):
        """The multiply-adds of convolutions and dense layers for one image."""
        return sum(part.multiply_adds for part in self.parts)

    def __str__(self):
        height, width = self.size
        rows = [(*part[:3], part.multiply_adds) for part in self.parts]
        rows.append(("total", "", self.parameters, self.multiply_adds))
        lines = [f"{'stage':10}{'branch':8}{'parameters':>14}{'multiply-adds':>18}"]
        lines += [f"{a:10}{b:8}{c:14,}{d:18,}" for a, b, c, d in rows]
        lines.append(
            f"One image of {height} x {width}. Not trained: {self.non_trainable:,} "
            "moving statistics."
        )
        return "\n".join(lines)


def complexity(model, size=None):
    """Counts parameters and multiply-adds per stage and per branch.

    The graph is traced for an image of the given size, without computing it;
    each convolution's and dense layer's kernel counts once for each position
    of its output. A multiply-add is one multiplication and one addition, what
    the paper calls a FLOP. Normalization, activation, pooling and resizing
    are not counted.

    Example:

    >>> print(keras_resattn.complexity(keras_resattn.Attention92(), size=320))

    Args:
        model: A functional `keras.Model` on images.
        size: Integer or a pair of integers, height and width of the image.
            Defaults to that of the model's input.

    Returns:
        A `Complexity`: `parameters`, `non_trainable`, `multiply_adds`, and
        these for each stage and branch in `parts`.

    Raises:
        ValueError: If no size is given and the model's input has none.
    """
    size = _image_size(model, size)
    data_format = keras.config.image_data_format()
    channels = model.input_shape[channel_axis(data_format)]
    images = keras.KerasTensor(
        batch_shape(1, size, channels, data_format), dtype=model.inputs[0].dtype
    )
    counts = {}
    with contextlib.ExitStack() as stack:
        for layer, place in zip(model.layers, _places(model), strict=True):
            part = counts.setdefault(place, [0, 0, 0])
            part[0] += _count(layer.trainable_weights)
            part[1] += _count(layer.non_trainable_weights)
            for leaf in layer._flatten_layers():
                stack.enter_context(_counting(leaf, part, data_format))
        # The layers' own shape functions would not call the layers inside.
        keras.Operation.compute_output_spec(model, images)
    parts = (Part(*place, *part) for place, part in counts.items() if any(part))
    return Complexity(size, tuple(parts))


def _image_size(model, size):
    if isinstance(size, int):
        size = (size, size)
    elif size is None:
        axes = spatial_axes(keras.config.image_data_format())
        size = tuple(model.input_shape[axis] for axis in axes)
    if None in size:
        raise ValueError(
            "The model takes images of any size; give the `size` to count for. "
            f"Received: size=None, model.input_shape={model.input_shape}"
        )
    return tuple(positive_integer("size", n) for n in size)


def _places(model):
    """Yield the stage and the branch of each layer, by its name."""
    staged = any(layer.name.startswith("stage1_") for layer in model.layers)
    stage = "stem" if staged else "network"
    for layer in model.layers:
        named = re.match(r"(stage\d+)_(?:attention\d+_(trunk|mask)$)?", layer.name)
        if named:
            stage = named[1]
            yield stage, named[2] or "rest"
        else:
            stage = "head" if stage.startswith("stage") else stage
            yield stage, "rest"


def _count(weights):
    # The state of a random generator is no parameter.
    return sum(math.prod(w.shape) for w in weights if "seed" not in w.name)


@contextlib.contextmanager
def _counting(layer, part, data_format):
    """Within the context, each call of a layer adds its multiply-adds to a part."""
    kernel = sum(math.prod(w.shape) for w in layer._trainable_variables if is_kernel(w))
    call = layer.call

    def counted(*args, **kwargs):
        outputs = call(*args, **kwargs)
        axes = spatial_axes(data_format) if len(outputs.shape) == 4 else ()
        part[2] += kernel * math.prod(outputs.shape[axis] for axis in axes)
        return outputs

    if not kernel:
        yield
        return
    layer.call = counted
    try:
        yield
    finally:
        del layer.call


def is_kernel(weight):
    """Return whether a weight is a kernel, of a convolution or a dense layer."""
    return weight.name.endswith("kernel")
