"""Every network by its name as a string, for recipes and scripts."""

import fnmatch

from keras_resattn import cifar
from keras_resattn import models

NETWORKS = {
    "attention56": models.Attention56,
    "attention92": models.Attention92,
    "attention_next56": models.AttentionNeXt56,
    "attention_next92": models.AttentionNeXt92,
    "cifar_attention56": cifar.Attention56,
    "cifar_attention92": cifar.Attention92,
    "cifar_attention128": cifar.Attention128,
    "cifar_attention164": cifar.Attention164,
    "cifar_attention236": cifar.Attention236,
    "cifar_attention452": cifar.Attention452,
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
        name: String, one of `list_models()`.
        **kwargs: Arguments of the network, such as `input_shape`.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If there is no network of this name.
    """
    if name not in NETWORKS:
        raise ValueError(
            f"There is no such network; choose one of {list_models()}. "
            f"Received: name={name!r}"
        )
    return NETWORKS[name](**kwargs)
