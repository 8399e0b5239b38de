"""Packed weights: a small file of NumPy arrays, each by its layer and number."""

import zipfile

import keras
import numpy as np

HEAD = "predictions/"


def save_packed(model, path):
    """Write the weights of a network as a packed file (`.npz`).

    Kernels are stored as float16. Vectors, 3 % of a network, stay float32:
    moving variances can be beyond the range of float16.

    Example:

    >>> keras_resattn.weights.save_packed(model, "model.npz")
    >>> again = keras_resattn.cifar.Attention56(weights="model.npz")

    Args:
        model: A built `keras.Model`.
        path: The path to write to, ending in `.npz`.

    Raises:
        ValueError: If a weight is not finite, or not so as float16.
    """
    arrays = {name: _packed(weight) for name, weight in named_weights(model).items()}
    wrong = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if wrong:
        raise ValueError(
            "Weights must be finite and within float16's range (65504); nothing was "
            f"written. Received: {_some(wrong)} of '{model.name}'"
        )
    np.savez_compressed(path, allow_pickle=False, **arrays)


def load_packed(model, path):
    """Load a packed file into a network; check first that all of it fits.

    A classifier of another number of classes is left as it is; so is the
    file's, if the network has none.

    Args:
        model: A built `keras.Model`.
        path: The path of a file by `save_packed`.

    Returns:
        The number of classes of the file's classifier, `None` if it has none.

    Raises:
        ValueError: If it is no such file, or weights are missing, left over or
            of another shape. The network is unchanged then.
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


def named_weights(model):
    """Return the weights of a model by layer and number: "stem_bn/0_gamma".

    Keras' own paths hold numbers that grow with each layer that is made.
    """
    return {
        f"{layer.name}/{i}_{weight.name}": weight
        for layer in model.layers
        for i, weight in enumerate(layer.weights)
    }


def _packed(weight):
    dtype = "float16" if len(weight.shape) > 1 else "float32"
    with np.errstate(over="ignore"):  # what is not finite is an error
        return keras.ops.convert_to_numpy(weight).astype(dtype)


def _read(path):
    if not zipfile.is_zipfile(path):
        raise ValueError("the file is no .npz file, or damaged.")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _faults(weights, stored):
    missing = [name for name in weights if name not in stored]
    left_over = [name for name in stored if name not in weights]
    shapes = [
        f"{name} {stored[name].shape} in place of {tuple(weight.shape)}"
        for name, weight in weights.items()
        if name in stored and stored[name].shape != tuple(weight.shape)
    ]
    kinds = {"missing": missing, "left over": left_over, "of another shape": shapes}
    return [f"{kind}: {_some(names)}" for kind, names in kinds.items() if names]


def _some(names, count=3):
    more = len(names) - count
    return ", ".join(names[:count]) + (f" and {more} more" if more > 0 else "")
