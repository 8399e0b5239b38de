"""The weights that are known by name: the table of their facts."""

import json
import os
from pathlib import Path
from typing import NamedTuple

from keras_resattn.weights.address import is_address
from keras_resattn.weights.address import sha256_of

FOLDER = Path(__file__).parent
TABLE = "table.json"

NO_IMAGENET = """No ImageNet weights of the authors' networks are known; those of \
pytorchcv's are for `keras-resattn convert pytorchcv`. """


class WeightsInfo(NamedTuple):
    """The facts of a weights file. `scripts/pack_weights.py` writes them.

    Attributes:
        network: The name of the network, as in `keras_resattn.list_models`.
        name: What `weights` takes, such as `"cifar10"`.
        data: The data set that it was trained on.
        classes: The number of classes.
        labels: The names of the classes, in the order of the outputs.
        input_shape: The shape of an image in training.
        arguments: The arguments of the network that are not its defaults.
        mean: Subtracted from pixel values, 0 to 255: a float or one a channel.
        std: What the difference is divided by.
        accuracy: The share of the test images whose most probable class is
            right, by these very weights (as they are stored, float16).
        test_images: The number of these images.
        licence: The SPDX identifier of the weights' licence.
        folder: Where its recipe, the metrics of each epoch and the text of the
            licence are, from `keras_resattn/weights` on.
        file: The file's path from there, or its address.
        size: The size of the file in bytes.
        sha256: The SHA-256 of the file.
        logits: What the network computes of the images that
            `synthetic_images` in `scripts/pack_weights.py` draws.
    """

    network: str
    name: str
    data: str
    classes: int
    labels: tuple
    input_shape: tuple
    arguments: dict
    mean: float | tuple
    std: float | tuple
    accuracy: float
    test_images: int
    licence: str
    folder: str
    file: str
    size: int
    sha256: str
    logits: tuple


def read_table():
    """Return the facts of all weights known by name, a list of `WeightsInfo`."""
    entries = json.loads((FOLDER / TABLE).read_text(encoding="utf-8"))
    return [
        WeightsInfo(**{k: tuple(v) if isinstance(v, list) else v for k, v in e.items()})
        for e in entries
    ]


def list_weights(network):
    """Return the names of the weights that are known for a network, sorted.

    Args:
        network: String, a name in `keras_resattn.list_models()`.
    """
    return sorted(info.name for info in read_table() if info.network == network)


def weights_info(network, name):
    """Return the facts of weights: what they were trained on, how good they are.

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
        f"There are no such weights of '{network}'; {_known(network)}. "
        f"Received: {name!r}"
    )


def find_weights(weights, network, **arguments):
    """Return where weights are that were asked for by name, others as they are.

    Args:
        weights: `None`, a name, a path or an address.
        network: String, the network that they are for.
        **arguments: The arguments that it is to be built with.

    Returns:
        `None`, or the path or the address of a weights file.

    Raises:
        ValueError: If there are no such weights, they were trained with other
            arguments, or their file is damaged.
    """
    if isinstance(weights, str) and weights in list_weights(network):
        info = weights_info(network, weights)
        _check_arguments(info, arguments)
        return _locate(info)
    is_path = isinstance(weights, str | os.PathLike) and os.path.isfile(weights)
    if weights is None or is_path or is_address(weights):
        return weights
    imagenet = NO_IMAGENET if weights == "imagenet" else ""
    raise ValueError(
        "`weights` must be None (random initialization), a name, the path to a "
        "weights file (.weights.h5, .keras or .npz) or its address (https://... or "
        f"hf://...). {imagenet}By name, for '{network}', {_known(network)}. "
        f"Received: weights={weights}"
    )


def _known(network):
    names = ", ".join(f"'{name}'" for name in list_weights(network))
    return f"there are {names}" if names else "there are none"


def _check_arguments(info, arguments):
    for key, value in arguments.items():
        trained = info.arguments.get(key, value)
        if value != trained:
            raise ValueError(
                f"The weights '{info.name}' were trained with {key}={trained!r}; "
                f"build the network with it. Received: {key}={value!r}"
            )


def _locate(info):
    if is_address(info.file):
        return f"{info.file}#sha256={info.sha256}"
    path = FOLDER / info.file
    if not path.is_file() or sha256_of(path) != info.sha256:
        raise ValueError(
            f"The file of the weights '{info.name}' is missing or damaged; install "
            f"keras-resattn again. Received: {path}"
        )
    return str(path)
