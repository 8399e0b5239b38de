"""A network that was built in Python and is trained in place of a recipe's."""

from collections.abc import Sequence
from pathlib import Path

import keras

from keras_resattn.model_folder import load_network
from keras_resattn.recipes.settings import Network
from keras_resattn.recipes.settings import Recipe
from keras_resattn.views.classifier_output import last_computing
from keras_resattn.views.classifier_output import output_kind
from keras_resattn.views.graph import graph_of


def with_network(recipe: Recipe, network: keras.Model) -> Recipe:
    """Return a recipe that describes a given network.

    Args:
        recipe: A `Recipe`. Its section `network` is replaced by the name and the
            input shape of the given network.
        network: A functional `keras.Model`.

    Raises:
        ValueError: If the network is not a classifier of images of the recipe's
            shape and precision.
    """
    graph_of(network)  # or an error
    _check_shapes(recipe, network)
    _check_probabilities(network)
    precisions = {
        layer.dtype_policy.compute_dtype
        for layer in network.layers
        if layer.trainable_variables
    }
    expected = keras.DTypePolicy(recipe.precision).compute_dtype
    # The classifier computes in float32 in every precision.
    if precisions and (precisions - {"float32"} or {"float32"}) != {expected}:
        raise ValueError(
            "The network computes in another precision than the recipe. Build it after "
            f"keras.config.set_dtype_policy({recipe.precision!r}), or set `precision` "
            f"in the recipe. Received: a network in {sorted(precisions)}"
        )
    described = Network(
        from_python=True, name=network.name, input_shape=network.input_shape[1:]
    )
    return recipe.model_copy(update={"network": described})


def check_is_given(recipe: Recipe, network: keras.Model | None) -> None:
    """Raise a `ValueError` if a recipe needs a network that was built in Python."""
    if recipe.network.from_python and network is None:
        raise ValueError(
            "The network of this recipe was built in Python, and the recipe does not "
            "describe it. Give it again: fit(..., network=keras_resattn.load_model("
            f"FOLDER).model). Received: network=None for {recipe.network.name!r}"
        )


def stored_network(path: Path, given: keras.Model | None) -> keras.Model:
    """Return the network that a run to resume keeps.

    Args:
        path: The path of the Keras file.
        given: The network that was given to resume, or `None`.

    Raises:
        ValueError: If another network was given.
    """
    stored = load_network(path)
    if given is not None and _shapes(given) != _shapes(stored):
        raise ValueError(
            "The run has another network. Resume it without `network`, or start a new "
            f"run in another folder. Received: network={given.name!r}"
        )
    return stored


def check_classes(network: keras.Model, labels: Sequence[str]) -> None:
    """Raise a `ValueError` if a network has not one output for each class."""
    if network.output_shape[-1] != len(labels):
        raise ValueError(
            f"The data has {len(labels)} classes, so the network needs as many "
            f"outputs. Received: a network with the output shape {network.output_shape}"
        )


def _check_shapes(recipe: Recipe, network: keras.Model) -> None:
    shape, output = network.input_shape, network.output_shape
    wanted = recipe.network.input_shape
    if not isinstance(shape, tuple) or tuple(shape[1:]) != tuple(wanted):
        raise ValueError(
            f"The recipe reads images of shape {list(wanted)}. Set its "
            "network.input_shape to that of the network, or build the network for it. "
            f"Received: a network with the input shape {shape}"
        )
    if not isinstance(output, tuple) or len(output) != 2:
        raise ValueError(
            "The network must have one output of shape (N, classes). "
            f"Received: a network with the output shape {output}"
        )


def _check_probabilities(network: keras.Model) -> None:
    if output_kind(network) != "probabilities":
        raise ValueError(
            "The network must return probabilities, because the loss and the model "
            "folder need them. End it with a softmax: Dense(classes, 'softmax'). "
            f"Received: a network with the last layer "
            f"{last_computing(network).operation.name!r}"
        )


def _shapes(network: keras.Model) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in network.weights]
