"""Read PyTorch state dicts as NumPy arrays. Pickled code is never run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn_client.extras import require_extra

# The keys at which training scripts store the state dict in a checkpoint.
CHECKPOINT_KEYS = ("state_dict", "model_state_dict", "model", "net")
DATA_PARALLEL = "module."


def read_state_dict(path: StrPath) -> dict[str, Array]:
    """Return the tensors of a PyTorch state dict in a file.

    Example:

    >>> state = read_state_dict("resattnet56.safetensors")
    >>> state["output.weight"].shape
    (1000, 2048)

    Args:
        path: The path to a `.safetensors` file, or to a `.pth`, `.pt` or `.tar`
            file that holds a state dict, or a checkpoint with one at the key
            "state_dict", "model_state_dict", "model" or "net".

    Returns:
        A dictionary from names to float32 NumPy arrays. The prefix "module." of
        data-parallel training is removed from the names.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the extra `convert` is not installed.
        ValueError: If the file is damaged, or holds other objects than tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no such file. Name a PyTorch state dict. Received: path={path}"
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


def _read_safetensors(path: Path) -> dict[str, Array]:
    require_extra("convert", "Reading a .safetensors file", ("safetensors",))
    import safetensors.numpy

    try:
        state = safetensors.numpy.load_file(path)
    except (safetensors.SafetensorError, KeyError) as error:
        raise ValueError(
            "This is not a safetensors file, or it is damaged. Download or save it "
            f"again. The error was: {error}. Received: path={path}"
        ) from error
    return {name: np.asarray(x, "float32") for name, x in state.items()}


def _read_torch(path: Path) -> dict[str, Array]:
    require_extra("convert", f"Reading a {path.suffix} file", ("torch",))
    import torch

    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # A damaged pickle can raise any exception.
        raise ValueError(
            "This file cannot be read as tensors. It is damaged, or it holds pickled "
            "Python objects, which are not loaded because they could run code. If you "
            "trust its origin, save only its tensors with PyTorch: "
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
            "This file is not a state dict, and has none at one of the keys "
            f"{CHECKPOINT_KEYS}. Save model.state_dict(). Not tensors: "
            f"{', '.join(map(str, others)) or 'nothing'}. Received: path={path}"
        )
    return {name: x.detach().to(torch.float32).numpy() for name, x in state.items()}


def _state_of(checkpoint: Any) -> dict:
    """Return the state dict in a file's content, or {} if there is none."""
    if not isinstance(checkpoint, dict):
        return {}
    for key in CHECKPOINT_KEYS:
        if isinstance(checkpoint.get(key), dict):
            return checkpoint[key]
    return checkpoint


READERS: dict[str, Callable[[Path], dict[str, Array]]] = {
    ".safetensors": _read_safetensors,
    ".pth": _read_torch,
    ".pt": _read_torch,
    ".tar": _read_torch,
}
