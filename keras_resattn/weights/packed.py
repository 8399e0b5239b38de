"""Packed weights: a small file of NumPy arrays, named by layer and number."""

import zipfile
from collections.abc import Mapping

import keras
import numpy as np

from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn.typing import Tensor

HEAD = "predictions/"


def save_packed(model: keras.Model, path: StrPath) -> None:
    """Write the weights of a network as a packed file (`.npz`).

    Kernels are stored as float16. Vectors, 3 % of a network, are stored as
    float32, because moving variances can exceed the range of float16.

    Example:

    >>> keras_resattn.weights.save_packed(model, "model.npz")
    >>> again = keras_resattn.cifar.Attention56(weights="model.npz")

    Args:
        model: A built `keras.Model`.
        path: The path to write to, ending in `.npz`.

    Raises:
        ValueError: If a weight is not finite, or not finite as float16.
    """
    arrays = {name: _packed(weight) for name, weight in named_weights(model).items()}
    wrong = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if wrong:
        raise ValueError(
            "Weights must be finite and within the range of float16 (65504). "
            f"Nothing was written. Received: {_some(wrong)} of '{model.name}'"
        )
    np.savez_compressed(path, allow_pickle=False, **arrays)


def load_packed(model: keras.Model, path: StrPath) -> int | None:
    """Load a packed file into a network, after a check that every weight fits.

    A classifier with another number of classes is not loaded. Nor is the file's
    classifier if the network has none.

    Args:
        model: A built `keras.Model`.
        path: The path of a file written by `save_packed`.

    Returns:
        The number of classes of the file's classifier, `None` if it has none.

    Raises:
        ValueError: If the file has another format, or weights are missing, left
            over or have another shape. The network is unchanged in this case.
    """
    stored = _read(path)
    weights = named_weights(model)
    head = {name: array for name, array in stored.items() if name.startswith(HEAD)}
    classes = next((array.shape[-1] for array in head.values()), None)
    ours = next((w.shape[-1] for n, w in weights.items() if n.startswith(HEAD)), None)
    if ours is None or classes not in (None, ours):
        weights = {n: w for n, w in weights.items() if not n.startswith(HEAD)}
        stored = {n: array for n, array in stored.items() if n not in head}
    if faults := _faults(weights, stored):
        raise ValueError("; ".join(faults))
    for name, weight in weights.items():
        weight.assign(stored[name].astype("float32"))
    return classes


def named_weights(model: keras.Model) -> dict[str, keras.Variable]:
    """Return the weights of a model by layer and number: "stem_bn/0_gamma".

    Keras' own paths have numbers that grow with each layer that is created.
    Random states, such as those of dropout, are not weights and are left out.
    """
    return {
        f"{layer.name}/{i}_{weight.name}": weight
        for layer in model.layers
        for i, weight in enumerate(filter(_is_float, layer.weights))
    }


def _is_float(weight: keras.Variable) -> bool:
    return bool(keras.backend.is_float_dtype(weight.dtype))


def _packed(weight: keras.Variable) -> Array:
    dtype = "float16" if len(weight.shape) > 1 else "float32"
    with np.errstate(over="ignore"):  # save_packed refuses what is not finite
        return keras.ops.convert_to_numpy(weight).astype(dtype)


def _read(path: StrPath) -> dict[str, Array]:
    if not zipfile.is_zipfile(path):
        raise ValueError("the file is not a .npz file, or it is damaged.")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _faults(weights: Mapping[str, Tensor], stored: Mapping[str, Array]) -> list[str]:
    missing = [name for name in weights if name not in stored]
    left_over = [name for name in stored if name not in weights]
    shapes = [
        f"{name} {stored[name].shape} instead of {tuple(weight.shape)}"
        for name, weight in weights.items()
        if name in stored and stored[name].shape != tuple(weight.shape)
    ]
    kinds = {"missing": missing, "left over": left_over, "of another shape": shapes}
    return [f"{kind}: {_some(names)}" for kind, names in kinds.items() if names]


def _some(names: list[str], count: int = 3) -> str:
    more = len(names) - count
    return ", ".join(names[:count]) + (f" and {more} more" if more > 0 else "")
