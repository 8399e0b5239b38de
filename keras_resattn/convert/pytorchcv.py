"""Convert weights of pytorchcv's networks to Keras models."""

import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TypeAlias

import keras
import numpy as np

from keras_resattn import zoo
from keras_resattn.compatibility import pytorchcv
from keras_resattn.convert.state_dict import read_state_dict
from keras_resattn.typing import Activation
from keras_resattn.typing import Array
from keras_resattn.typing import Shape
from keras_resattn.typing import StrPath

# A variable, pytorchcv's name of its values, and the axes to transpose them by.
Place: TypeAlias = tuple[keras.Variable, str, tuple[int, ...]]

NETWORKS = {
    "Attention56": pytorchcv.Attention56,
    "Attention92": pytorchcv.Attention92,
}

# From pytorchcv's axes to ours. Its convolutions are OIHW, dense kernels (out, in).
CONVOLUTION = (2, 3, 1, 0)
DENSE = (1, 0)
VECTOR = (0,)


def convert_pytorchcv(
    path: StrPath,
    network: str,
    input_shape: Sequence[int | None] | None = None,
    classifier_activation: Activation = "softmax",
) -> keras.Model:
    """Convert a state dict of pytorchcv's `resattnet*` to a Keras model.

    The model is a network of `keras_resattn.compatibility.pytorchcv`, with the
    same outputs as pytorchcv's network. The number of classes is the file's.

    Example:

    >>> model = convert_pytorchcv("resattnet56.pth", "attention56")
    >>> model.save("resattnet56.keras")

    Args:
        path: The path to a `.safetensors`, `.pth`, `.pt` or `.tar` file, see
            `keras_resattn.convert.state_dict.read_state_dict`.
        network: String, `"Attention56"` or `"Attention92"`, in any spelling.
        input_shape: Optional shape of an image, see `Attention56`. Defaults to
            224 x 224 with the channels of the file.
        classifier_activation: The activation of the classifier, or `None` for
            logits.

    Returns:
        A `keras.Model`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the extra `convert` is not installed.
        ValueError: If there is no such network, the file cannot be read, or it
            does not hold exactly the network's weights.
    """
    instantiate = NETWORKS[zoo.find_name(network, NETWORKS, "network")]
    state = read_state_dict(path)
    model = instantiate(
        classes=_size(state, "output.weight", axis=0, default=1000),
        input_shape=input_shape or _input_shape(state),
        classifier_activation=classifier_activation,
    )
    try:
        assign(model, state)
    except ValueError as error:
        raise ValueError(f"{error} Received: path={path}, network={network}") from error
    return model


def assign(model: keras.Model, state: Mapping[str, Array]) -> None:
    """Assign a state dict of pytorchcv to a model, completely or not at all.

    Args:
        model: A network of `keras_resattn.compatibility.pytorchcv`.
        state: A dictionary from pytorchcv's names to NumPy arrays.

    Raises:
        ValueError: If a name is missing, left over or has another shape.
    """
    places = {name: (variable, axes) for variable, name, axes in tensors(model)}
    # Keras has no counter of the batches that a normalization has seen.
    given = {n: x for n, x in state.items() if not n.endswith("num_batches_tracked")}
    shapes = {
        name: tuple(int(variable.shape[axes.index(i)]) for i in range(len(axes)))
        for name, (variable, axes) in places.items()
    }
    faults = {
        "missing": sorted(places.keys() - given.keys()),
        "left over": sorted(given.keys() - places.keys()),
        "of another shape": [
            f"{name} {given[name].shape} instead of {shape}"
            for name, shape in shapes.items()
            if name in given and given[name].shape != shape
        ],
    }
    if any(faults.values()):
        listed = [f"{fault}: {', '.join(n)}." for fault, n in faults.items() if n]
        raise ValueError(
            f"These are not the weights of pytorchcv's network '{model.name}'. "
            f"Check which network they belong to. {' '.join(listed)}"
        )
    for name, (variable, axes) in places.items():
        variable.assign(np.transpose(given[name], axes))


def tensors(model: keras.Model) -> Iterator[Place]:
    """Yield each variable with the name and the axes of its values in pytorchcv.

    Args:
        model: A network of `keras_resattn.compatibility.pytorchcv`.

    Yields:
        Tuples of a variable of `model`, the name of its values in pytorchcv's
        state dict, and the axes to transpose them by.
    """
    for layer in model.layers:
        if match := re.fullmatch(r"stage(\d+)_unit(\d+)", layer.name):
            yield from _unit(layer, f"features.stage{match[1]}.unit{match[2]}")
        elif match := re.fullmatch(r"stage(\d+)_attention(\d+)_(\w+)", layer.name):
            # pytorchcv counts the first unit and the modules as one sequence.
            module = f"features.stage{match[1]}.unit{int(match[2]) + 1}"
            yield from MODULE.get(match[3], _nothing)(layer, module)
        elif layer.name in HEAD_AND_STEM:
            kind, name = HEAD_AND_STEM[layer.name]
            yield from kind(layer, name)


def _nothing(layer: keras.layers.Layer, name: str) -> Iterator[Place]:
    yield from ()


def _convolution(layer: keras.layers.Layer, name: str) -> Iterator[Place]:
    yield layer.kernel, f"{name}.weight", CONVOLUTION


def _dense(layer: keras.layers.Layer, name: str) -> Iterator[Place]:
    yield layer.kernel, f"{name}.weight", DENSE
    yield layer.bias, f"{name}.bias", VECTOR


def _normalization(layer: keras.layers.Layer, name: str) -> Iterator[Place]:
    yield layer.gamma, f"{name}.weight", VECTOR
    yield layer.beta, f"{name}.bias", VECTOR
    yield layer.moving_mean, f"{name}.running_mean", VECTOR
    yield layer.moving_variance, f"{name}.running_var", VECTOR


def _unit(unit: keras.layers.Layer, name: str) -> Iterator[Place]:
    for i in (1, 2, 3):
        yield from _normalization(getattr(unit, f"bn{i}"), f"{name}.body.conv{i}.bn")
        yield from _convolution(getattr(unit, f"conv{i}"), f"{name}.body.conv{i}.conv")
    if unit.projection is not None:
        yield from _convolution(unit.projection, f"{name}.identity_conv")


def _units(chain: keras.layers.Layer, name: str) -> Iterator[Place]:
    for i, unit in enumerate(chain.units, start=1):
        yield from _unit(unit, f"{name}.blocks.block{i}")


def _pre(unit: keras.layers.Layer, module: str) -> Iterator[Place]:
    yield from _unit(unit, f"{module}.init_blocks.blocks.block1")


def _trunk(chain: keras.layers.Layer, module: str) -> Iterator[Place]:
    """Yield a trunk branch: the outermost skip connection of pytorchcv's hourglass."""
    yield from _units(chain, f"{module}.hg.skip_seq.skip1")


def _mask(mask: keras.layers.Layer, module: str) -> Iterator[Place]:
    hourglass = f"{module}.hg"
    # pytorchcv has our units at the bottom as the first units of its way up.
    for i, chain in enumerate([*mask.up, mask.bottom], start=1):
        yield from _units(chain, f"{hourglass}.up_seq.up{i}.res_blocks")
    for i, chain in enumerate(mask.down, start=1):
        yield from _units(chain, f"{hourglass}.down_seq.down{i}.res_blocks")
    for i, unit in enumerate(mask.skips, start=2):
        yield from _unit(unit, f"{hourglass}.skip_seq.skip{i}.skip1")
    for i in (1, 2):
        end = f"{module}.middle_block.conv{i}"
        yield from _normalization(getattr(mask, f"bn{i}"), f"{end}.bn")
        yield from _convolution(getattr(mask, f"conv{i}"), f"{end}.conv")


def _post(unit: keras.layers.Layer, module: str) -> Iterator[Place]:
    yield from _unit(unit, f"{module}.final_block")


MODULE = {"pre1": _pre, "trunk": _trunk, "mask": _mask, "post1": _post}
HEAD_AND_STEM = {
    "stem_conv": (_convolution, "features.init_block.conv.conv"),
    "stem_bn": (_normalization, "features.init_block.conv.bn"),
    "post_bn": (_normalization, "features.post_activ.bn"),
    "predictions": (_dense, "output"),
}


def _input_shape(state: Mapping[str, Array]) -> Shape:
    channels = _size(state, "features.init_block.conv.conv.weight", 1, default=3)
    if keras.config.image_data_format() == "channels_first":
        return (channels, 224, 224)
    return (224, 224, channels)


def _size(state: Mapping[str, Array], name: str, axis: int, default: int) -> int:
    """Return the size of a tensor along an axis, `default` without the tensor."""
    shape = state[name].shape if name in state else ()
    return shape[axis] if len(shape) > axis else default
