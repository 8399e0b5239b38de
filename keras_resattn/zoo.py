"""Every network by its name as a string, for recipes and scripts."""

from keras_resattn import cifar
from keras_resattn import models

NETWORKS = {
    "attention56": models.Attention56,
    "cifar_attention56": cifar.Attention56,
}


def list_models():
    """Return the names of all networks, sorted.

    Example:

    >>> keras_resattn.list_models()
    ['attention56', 'cifar_attention56']

    Returns:
        A list of strings, each a name for `create_model`.
    """
    return sorted(NETWORKS)


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
