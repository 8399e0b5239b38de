"""The weights that have a name: the table of their facts."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import NamedTuple

from keras_resattn.typing import StrPath
from keras_resattn.weights.address import is_address
from keras_resattn.weights.address import sha256_of
from keras_resattn.weights.files import no_such_file

FOLDER = Path(__file__).parent
TABLE = "table.json"

NO_IMAGENET = (
    "The authors published no ImageNet weights. To use those of pytorchcv, run "
    "`keras-resattn convert pytorchcv`. "
)


class WeightsInfo(NamedTuple):
    """The facts of a weights file. `scripts/pack_weights.py` writes them.

    Attributes:
        network: The name of the network, as in `keras_resattn.list_models`.
        name: The value of the argument `weights`, such as `"cifar10"`.
        data: The data set that it was trained on.
        classes: The number of classes.
        labels: The names of the classes, in the order of the outputs.
        input_shape: The shape of an image in training.
        arguments: The arguments of the network that are not its defaults.
        mean: Subtracted from pixel values, 0 to 255: a float, or one per channel.
        std: The divisor of the difference: a float, or one per channel.
        accuracy: The share of test images that are classified correctly with
            these weights, as they are stored (float16).
        test_images: The number of these images.
        licence: The SPDX identifier of the weights' licence.
        folder: The folder in `keras_resattn/weights` with the recipe, the metrics
            of each epoch and the text of the licence.
        file: The path of the file in `keras_resattn/weights`, or its address.
        size: The size of the file in bytes.
        sha256: The SHA-256 of the file.
        logits: The logits of the images that `synthetic_images` in
            `scripts/pack_weights.py` draws.
    """

    network: str
    name: str
    data: str
    classes: int
    labels: tuple[str, ...]
    input_shape: tuple[int, ...]
    arguments: dict[str, Any]
    mean: float | tuple[float, ...]
    std: float | tuple[float, ...]
    accuracy: float
    test_images: int
    licence: str
    folder: str
    file: str
    size: int
    sha256: str
    logits: tuple[list[float], ...]


def read_table() -> list[WeightsInfo]:
    """Return the facts of all weights that have a name."""
    entries = json.loads((FOLDER / TABLE).read_text(encoding="utf-8"))
    return [WeightsInfo(**{k: _frozen(v) for k, v in e.items()}) for e in entries]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def list_weights(network: str) -> list[str]:
    """Return the names of the weights of a network, sorted.

    Args:
        network: String, a name in `keras_resattn.list_models()`.
    """
    return sorted(info.name for info in read_table() if info.network == network)


def weights_info(network: str, name: str) -> WeightsInfo:
    """Return the facts of weights: training data, accuracy, preprocessing.

    Args:
        network: String, a name in `keras_resattn.list_models()`.
        name: String, a name in `list_weights(network)`.

    Returns:
        A `WeightsInfo`.

    Raises:
        ValueError: If there are no such weights.
    """
    for info in read_table():
        if (info.network, info.name) == (network, name):
            return info
    raise ValueError(
        f"'{network}' has no weights of this name; the package has {_known(network)} "
        f"for it. Received: {name!r}"
    )


def find_weights(
    weights: StrPath | None,
    network: str,
    arguments: Mapping[str, Any],
    defaults: Mapping[str, Any],
) -> StrPath | None:
    """Return the file of weights that are given by name, other weights unchanged.

    Args:
        weights: `None`, a name, a path or an address.
        network: String, the name of the network.
        arguments: The arguments of the network that decide which weights fit.
        defaults: The defaults of these arguments.

    Returns:
        `None`, or the path or the address of a weights file.

    Raises:
        ValueError: If the network has no such weights, they were trained with
            other arguments, or their file is damaged.
    """
    if isinstance(weights, str) and weights in list_weights(network):
        info = weights_info(network, weights)
        _check_arguments(info, arguments, {**defaults, **info.arguments})
        return locate(info)
    is_path = isinstance(weights, str | os.PathLike) and os.path.isfile(weights)
    if weights is None or is_path or is_address(weights):
        return weights
    imagenet = NO_IMAGENET if weights == "imagenet" else ""
    missing = "" if imagenet else no_such_file(weights)
    raise ValueError(
        f"{missing}`weights` must be None (random initialization), a name, the path "
        "to a weights file (.weights.h5, .keras or .npz) or its address (https://... "
        f"or hf://...). {imagenet}The package has {_known(network)} for '{network}'. "
        f"Received: weights={weights}"
    )


def _known(network: str) -> str:
    names = ", ".join(f"'{name}'" for name in list_weights(network))
    return f"the weights {names}" if names else "no weights"


def _check_arguments(
    info: WeightsInfo, arguments: Mapping[str, Any], trained: Mapping[str, Any]
) -> None:
    for key, value in arguments.items():
        if _as_list(value) != _as_list(trained[key]):
            raise ValueError(
                f"The weights '{info.name}' were trained with {key}={trained[key]!r}. "
                "Use this, or weights=None (random initialization). "
                f"Received: {key}={value!r}"
            )


def _as_list(value: Any) -> Any:
    """Return tuples as lists, which they are in the table."""
    return list(map(_as_list, value)) if isinstance(value, list | tuple) else value


def locate(info: WeightsInfo) -> str:
    """Return the path of a weights file, or its address with a checksum.

    Raises:
        ValueError: If the file is missing or damaged.
    """
    if is_address(info.file):
        return f"{info.file}#sha256={info.sha256}"
    path = FOLDER / info.file
    if not path.is_file() or sha256_of(path) != info.sha256:
        raise ValueError(
            f"The file of the weights '{info.name}' is missing or damaged. Install "
            f"keras-resattn again. Received: {path}"
        )
    return str(path)
