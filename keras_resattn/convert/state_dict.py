"""PyTorch state dicts as NumPy arrays by name. No pickled code is ever run."""

import importlib
from pathlib import Path

import numpy as np

# Where training scripts keep the state dict in a checkpoint.
CHECKPOINT_KEYS = ("state_dict", "model_state_dict", "model", "net")
DATA_PARALLEL = "module."


def read_state_dict(path):
    """Returns the tensors of a PyTorch state dict in a file.

    Example:

    >>> state = read_state_dict("resattnet56.safetensors")
    >>> state["output.weight"].shape
    (1000, 2048)

    Args:
        path: The path to a `.safetensors` file, or to a `.pth`, `.pt` or `.tar`
            file that holds a state dict, or a checkpoint with one at the key
            "state_dict", "model_state_dict", "model" or "net".

    Returns:
        A dictionary from names, less the prefix "module." of data-parallel
        training, to float32 NumPy arrays.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the package that reads it is not installed.
        ValueError: If it is damaged, or holds anything but tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no such file; give a PyTorch state dict. Received: path={path}"
        )
    if path.suffix not in READERS:
        raise ValueError(
            f"The name of a PyTorch state dict must end in one of {tuple(READERS)}. "
            f"Received: path={path}"
        )
    state = READERS[path.suffix](path)
    if state and all(name.startswith(DATA_PARALLEL) for name in state):
        state = {name.removeprefix(DATA_PARALLEL): x for name, x in state.items()}
    return state


def _read_safetensors(path):
    safetensors = _import("safetensors", path)
    numpy = _import("safetensors.numpy", path)
    try:
        state = numpy.load_file(path)
    except (safetensors.SafetensorError, KeyError) as error:
        raise ValueError(
            f"This is no safetensors file, or damaged: {error}. Received: path={path}"
        ) from error
    return {name: np.asarray(x, "float32") for name, x in state.items()}


def _read_torch(path):
    torch = _import("torch", path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise any
        raise ValueError(
            "This file cannot be read as tensors: it is damaged, or it holds pickled "
            "Python objects, which are never loaded as they could run code. If you "
            "trust its origin, save its tensors alone with PyTorch: "
            f"torch.save(model.state_dict(), 'state.pth'). Received: path={path}"
        ) from error
    state = _state_of(checkpoint)
    others = [
        name
        for name, x in state.items()
        if not isinstance(name, str) or not torch.is_tensor(x)
    ]
    if others or not state:
        raise ValueError(
            "This file holds no state dict, neither bare nor at one of the keys "
            f"{CHECKPOINT_KEYS}; these are no tensors: "
            f"{', '.join(map(str, others)) or 'nothing'}. Received: path={path}"
        )
    return {name: x.detach().to(torch.float32).numpy() for name, x in state.items()}


def _state_of(checkpoint):
    """Return the state dict in what a file holds, or {} if there is none."""
    if not isinstance(checkpoint, dict):
        return {}
    for key in CHECKPOINT_KEYS:
        if isinstance(checkpoint.get(key), dict):
            return checkpoint[key]
    return checkpoint


READERS = {
    ".safetensors": _read_safetensors,
    ".pth": _read_torch,
    ".pt": _read_torch,
    ".tar": _read_torch,
}


def _import(name, path):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f"To read {path.suffix} files, {package} is needed: "
            f'pip install "keras-resattn[convert]". Received: path={path}'
        ) from error
