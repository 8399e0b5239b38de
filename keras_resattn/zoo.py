"""Every network by its name, a string, for recipes and scripts."""

import fnmatch
import re
from collections.abc import Callable
from collections.abc import Collection
from typing import Any
from typing import NamedTuple
from typing import TypeAlias

import keras

from keras_resattn import baselines
from keras_resattn import cifar
from keras_resattn import models
from keras_resattn.paper import COUNTED

Network: TypeAlias = Callable[..., keras.Model]


class ModelInfo(NamedTuple):
    """Facts about a network with its default arguments.

    Attributes:
        network: The function that instantiates it.
        parameters: The number of trainable parameters.
        multiply_adds: The multiply-adds of its convolutions and dense layers
            for one image of its default size.
        default_size: Its default height and width.
        classes: Its default number of classes.
    """

    network: Network
    parameters: int
    multiply_adds: int
    default_size: int
    classes: int


FUNCTIONS: dict[str, Network] = {
    "attention56": models.Attention56,
    "attention92": models.Attention92,
    "attention_next56": models.AttentionNeXt56,
    "attention_next92": models.AttentionNeXt92,
    "attention_inception56": models.AttentionInception56,
    "resnet152": baselines.ResNet152,
    "resnet200": baselines.ResNet200,
    "resnext101": baselines.ResNeXt101,
    "inception_resnet_v1": baselines.InceptionResNetV1,
    "inception_resnet_v2": baselines.InceptionResNetV2,
    "cifar_attention56": cifar.Attention56,
    "cifar_attention92": cifar.Attention92,
    "cifar_attention128": cifar.Attention128,
    "cifar_attention164": cifar.Attention164,
    "cifar_attention236": cifar.Attention236,
    "cifar_attention452": cifar.Attention452,
    "cifar_resnet164": baselines.ResNet164,
}
SIZES = {"inception_resnet_v1": 299, "inception_resnet_v2": 299}


def _info(name: str, network: Network) -> ModelInfo:
    if name.startswith("cifar_"):
        return ModelInfo(network, *COUNTED[name], default_size=32, classes=10)
    size = SIZES.get(name, 224)
    return ModelInfo(network, *COUNTED[name], default_size=size, classes=1000)


NETWORKS = {name: _info(name, network) for name, network in FUNCTIONS.items()}


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the networks that match a pattern, sorted.

    Example:

    >>> keras_resattn.list_models("attention_next*")
    ['attention_next56', 'attention_next92']

    Args:
        pattern: String. `*`, `?` and `[...]` match as in file names.

    Returns:
        A list of names for `create_model`.
    """
    return sorted(fnmatch.filter(NETWORKS, pattern))


def create_model(name: str, **kwargs: Any) -> keras.Model:
    """Instantiate a network by its name.

    Example:

    >>> model = keras_resattn.create_model("cifar_attention56", classes=100)

    Args:
        name: String, one of `list_models()`, in any spelling ("Attention-92").
        **kwargs: Arguments of the network, such as `input_shape`, see
            docs/networks.md.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If there is no network of this name.
    """
    return NETWORKS[find_name(name)].network(**kwargs)


def model_info(name: str) -> ModelInfo:
    """Return facts about a network: its size and its cost.

    Example:

    >>> info = keras_resattn.model_info("attention56")
    >>> info.parameters, info.multiply_adds, info.default_size
    (31810728, 6270836736, 224)

    Args:
        name: String, one of `list_models()`.

    Returns:
        A `ModelInfo`. For a model with other arguments, use
        `keras_resattn.complexity`.

    Raises:
        ValueError: If there is no network of this name.
    """
    return NETWORKS[find_name(name)]


def find_name(
    name: str, names: Collection[str] | None = None, argument: str = "name"
) -> str:
    """Return the known spelling of a name: "attention92" for "Attention-92".

    Args:
        name: String, in any case, with any hyphens, dots and underscores.
        names: The known names. Defaults to those of `list_models`.
        argument: The name of the argument, for the error.

    Raises:
        ValueError: If there is no such name.
    """
    names = NETWORKS if names is None else names
    found = {_plain(known): known for known in names}.get(_plain(name))
    if found is None:
        raise ValueError(
            "There is no such network. Choose one of "
            f"{', '.join(map(repr, sorted(names)))}. "
            f"Received: {argument}={name!r}"
        )
    return found


def _plain(name: object) -> str:
    return re.sub("[^a-z0-9]", "", str(name).lower())
