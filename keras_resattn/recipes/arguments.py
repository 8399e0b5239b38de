"""Checks of `network.arguments` in a recipe, before a network is built."""

import difflib
import importlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

import keras

from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.arguments import positive_number
from keras_resattn.layers.arguments import rate
from keras_resattn.layers.arguments import whole_number
from keras_resattn.layers.units import get_unit
from keras_resattn.recipes.settings import Network
from keras_resattn.zoo import model_info

CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "p": whole_number,
    "t": positive_integer,
    "r": positive_integer,
    "width_multiplier": positive_number,
    "stochastic_depth": rate,
    "dropout": rate,
}
# A recipe or its data decides these.
DECIDED = {
    "include_top",
    "input_tensor",
    "input_shape",
    "pooling",
    "classes",
    "classifier_activation",
}


def check_argument(network: Network, name: str, allow_code: bool) -> None:
    """Check one of `network.arguments`.

    Args:
        network: The section `network` of a recipe.
        name: The name of the argument.
        allow_code: Whether the module of a unit `module:Class` may be imported.

    Raises:
        ValueError: If the network has no such argument, or it has a wrong value.
    """
    parameters = inspect.signature(model_info(network.name).network).parameters
    known = sorted(set(parameters) - DECIDED)
    value = network.arguments[name]
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}."
        raise ValueError(
            f"'{network.name}' takes no such argument from a recipe; {hint} "
            f"Received: {value!r}"
        )
    if name in CHECKS:
        CHECKS[name](name, value)
    if name == "unit":
        _check_unit(value, allow_code)


def is_code(unit: object) -> bool:
    """Return whether a unit is written as `module:Class`."""
    return isinstance(unit, str) and ":" in unit


def import_unit(unit: str) -> type[keras.layers.Layer]:
    """Import the class of a basic unit. This runs the code of its module.

    Args:
        unit: String, `module:Class`. The module is also found in the working
            directory.

    Raises:
        ValueError: If there is no such class, or it is not a registered layer.
    """
    module, _, name = unit.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"This unit cannot be imported: {error}. Write it as module:Class, with a "
            "module in the working directory or installed. Received: "
            f"unit={unit!r}"
        ) from error
    found = get_unit(found)
    if keras.saving.get_registered_name(found) == found.__name__:
        raise ValueError(
            "A saved model can only be loaded if the class of its unit is registered. "
            "Decorate it: @keras.saving.register_keras_serializable(package="
            f"{module!r}). Received: unit={unit!r}"
        )
    return found


def _check_unit(unit: Any, allow_code: bool) -> None:
    if not is_code(unit):
        get_unit(unit)
    elif allow_code:
        import_unit(unit)
    else:
        raise ValueError(
            "This unit is code of a module, and importing it runs the code. If you "
            "trust it, allow it: --allow-code, in Python allow_code=True. "
            f"Received: unit={unit!r}"
        )
