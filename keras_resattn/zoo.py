"""Every network by its name as a string, for recipes and scripts."""

import fnmatch
import re
from collections.abc import Callable
from typing import NamedTuple

from keras_resattn import baselines
from keras_resattn import cifar
from keras_resattn import models


class ModelInfo(NamedTuple):
    """The facts of a network with its default arguments.

    Attributes:
        network: The function that instantiates it.
        parameters: The number of trainable parameters.
        multiply_adds: The multiply-adds of its convolutions and dense layers
            for one image of its default size.
        default_size: Its default height and width.
        classes: Its default number of classes.
    """

    network: Callable
    parameters: int
    multiply_adds: int
    default_size: int
    classes: int


NETWORKS = {
    "attention56": ModelInfo(models.Attention56, 31_810_728, 6_270_836_736, 224, 1000),
    "attention92": ModelInfo(models.Attention92, 52_466_344, 10_533_789_696, 224, 1000),
    "attention_next56": ModelInfo(
        models.AttentionNeXt56, 31_318_824, 6_419_106_816, 224, 1000
    ),
    "attention_next92": ModelInfo(
        models.AttentionNeXt92, 52_102_952, 10_704_337_920, 224, 1000
    ),
    "attention_inception56": ModelInfo(
        models.AttentionInception56, 31_853_256, 6_251_663_232, 224, 1000
    ),
    "resnet152": ModelInfo(baselines.ResNet152, 60_268_520, 11_282_415_616, 224, 1000),
    "resnet200": ModelInfo(baselines.ResNet200, 64_666_280, 15_007_481_856, 224, 1000),
    "resnext101": ModelInfo(baselines.ResNeXt101, 44_177_704, 7_969_996_800, 224, 1000),
    "inception_resnet_v1": ModelInfo(
        baselines.InceptionResNetV1, 23_995_624, 6_308_235_360, 299, 1000
    ),
    "inception_resnet_v2": ModelInfo(
        baselines.InceptionResNetV2, 55_813_192, 13_155_794_016, 299, 1000
    ),
    "cifar_attention56": ModelInfo(cifar.Attention56, 1_030_394, 122_825_216, 32, 10),
    "cifar_attention92": ModelInfo(cifar.Attention92, 1_841_274, 211_913_216, 32, 10),
    "cifar_attention128": ModelInfo(cifar.Attention128, 2_652_154, 301_001_216, 32, 10),
    "cifar_attention164": ModelInfo(cifar.Attention164, 3_463_034, 390_089_216, 32, 10),
    "cifar_attention236": ModelInfo(cifar.Attention236, 5_084_794, 568_265_216, 32, 10),
    "cifar_attention452": ModelInfo(
        cifar.Attention452, 10_181_242, 984_386_048, 32, 10
    ),
    "cifar_resnet164": ModelInfo(baselines.ResNet164, 1_703_290, 247_646_720, 32, 10),
}


def list_models(pattern="*"):
    """Return the names of the networks that match a pattern, sorted.

    Example:

    >>> keras_resattn.list_models("attention_next*")
    ['attention_next56', 'attention_next92']

    Args:
        pattern: String, as file names are matched: `*`, `?`, `[...]`.

    Returns:
        A list of strings, each a name for `create_model`.
    """
    return sorted(fnmatch.filter(NETWORKS, pattern))


def create_model(name, **kwargs):
    """Instantiate a network by its name.

    Example:

    >>> model = keras_resattn.create_model("cifar_attention56", classes=100)

    Args:
        name: String, one of `list_models()`, in any spelling ("Attention-92").
        **kwargs: Arguments of the network, such as `input_shape`.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If there is no network of this name.
    """
    return NETWORKS[find_name(name)].network(**kwargs)


def model_info(name):
    """Return the facts of a network by its name: its size and its cost.

    Example:

    >>> info = keras_resattn.model_info("attention56")
    >>> info.parameters, info.multiply_adds, info.default_size
    (31810728, 6270836736, 224)

    Args:
        name: String, one of `list_models()`.

    Returns:
        A `ModelInfo`. `keras_resattn.complexity` counts the same for a model
        with other arguments.

    Raises:
        ValueError: If there is no network of this name.
    """
    return NETWORKS[find_name(name)]


def find_name(name, names=None, argument="name"):
    """Return the one of `names` that is meant: "Attention-92" is "attention92".

    Args:
        name: String, a name with any capitals, hyphens, dots or underscores.
        names: The names to choose from. Defaults to those of `list_models`.
        argument: What the name is called in the error.

    Raises:
        ValueError: If there is no such name.
    """
    names = NETWORKS if names is None else names
    found = {_plain(known): known for known in names}.get(_plain(name))
    if found is None:
        raise ValueError(
            f"There is no such network; choose one of {sorted(names)}. "
            f"Received: {argument}={name!r}"
        )
    return found


def _plain(name):
    return re.sub("[^a-z0-9]", "", str(name).lower())
