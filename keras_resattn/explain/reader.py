"""Read tensors in the graph of a model as arrays."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import TypeAlias

import keras
import numpy as np

from keras_resattn.explain.inputs import as_array
from keras_resattn.explain.inputs import as_inputs
from keras_resattn.explain.inputs import batches_of_dataset
from keras_resattn.explain.inputs import is_dataset
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.typing import Array
from keras_resattn.typing import Tensor
from keras_resattn.views.flat import flattened
from keras_resattn.views.modules import ModuleTensors

# What `attention_modules` returns: it is asked once per model, and passed on.
Modules: TypeAlias = Mapping[str, ModuleTensors]

# The names in this package for the tensors of a module.
PARTS = ("before", "mask", "after")


def choose_modules(
    modules: Modules, names: str | Iterable[str] | None = None
) -> Modules:
    """Return the modules with these names.

    Args:
        modules: The attention modules of a model, by name.
        names: The names to choose. Defaults to all.

    Raises:
        ValueError: If `modules` lacks one of the names.
    """
    if isinstance(names, str):
        names = [names]
    names = list(modules if names is None else names)
    for name in names:
        if name not in modules:
            raise ValueError(
                f"This model's attention modules are {', '.join(modules)}. Choose one "
                f"of them. Received: module={name!r}"
            )
    return {name: modules[name] for name in names}


def feature_tensors(modules: Modules) -> dict[str, Tensor]:
    """Return the tensors `"<module>/before"`, `"<module>/mask"`, `"<module>/after"`."""
    return {
        f"{name}/{part}": tensor
        for name, tensors in modules.items()
        for part, tensor in zip(PARTS, tensors, strict=True)
    }


def mean_masks_of(modules: Modules) -> dict[str, Tensor]:
    """Return the mask of each module, averaged over the channels, as float32."""
    first = keras.config.image_data_format() == "channels_first"
    axis = 1 if first else -1
    return {
        name: keras.ops.mean(keras.ops.cast(tensors.mask, "float32"), axis)
        for name, tensors in modules.items()
    }


def reader(
    model: keras.Model, tensors: Mapping[str, Tensor]
) -> Callable[[Array], dict[str, Array]]:
    """Return a function from a batch of images to tensors of a model's graph.

    Args:
        model: A functional `keras.Model`.
        tensors: A dictionary of tensors of the graph of `flattened(model)`.

    Returns:
        A function: a batch -> a dictionary of float32 arrays with the same
        names, channels last.
    """
    flat = flattened(model)
    first = keras.config.image_data_format() == "channels_first"
    outputs = {
        name: keras.ops.transpose(x, (0, 2, 3, 1)) if first and x.ndim == 4 else x
        for name, x in tensors.items()
    }
    outputs = {name: keras.ops.cast(x, "float32") for name, x in outputs.items()}
    network = keras.Model(flat.input, outputs)

    def read(batch: Array) -> dict[str, Array]:
        arrays = network.predict_on_batch(as_inputs(batch, model))
        return {name: np.asarray(arrays[name], "float32") for name in tensors}

    return read


def batches_of(inputs: Array, batch_size: int) -> Iterator[Array]:
    """Yield the batches of an array of images, or of a `tf.data.Dataset` of batches."""
    batch_size = positive_integer("batch_size", batch_size)
    if is_dataset(inputs):
        yield from batches_of_dataset(inputs)
        return
    inputs = as_array(inputs)
    for start in range(0, len(inputs), batch_size):
        yield inputs[start : start + batch_size]


def joined(batches: Iterable[dict[str, Array]]) -> dict[str, Array]:
    """Return the arrays of several batches as one array for each name."""
    parts = list(batches)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
