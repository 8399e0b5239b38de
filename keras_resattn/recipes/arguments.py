"""Checks of `network.arguments` in a recipe, before a network is built."""

import difflib
import functools
import inspect
from collections.abc import Callable
from collections.abc import Collection
from typing import Any

from keras_resattn.builder.network import STEMS
from keras_resattn.layers.arguments import choice
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.arguments import positive_number
from keras_resattn.layers.arguments import rate
from keras_resattn.layers.arguments import whole_number
from keras_resattn.layers.attention import ATTENTIONS
from keras_resattn.layers.attention import MASK_STRUCTURES
from keras_resattn.layers.mask import MASK_ACTIVATIONS
from keras_resattn.layers.units import get_unit
from keras_resattn.recipes.settings import Network
from keras_resattn.recipes.stages import stage_table
from keras_resattn.recipes.units import class_of
from keras_resattn.recipes.units import import_unit
from keras_resattn.recipes.units import is_code
from keras_resattn.zoo import model_info


def one_of(choices: Collection[Any]) -> Callable[[str, Any], Any]:
    """Return the check that a value is one of these."""
    return functools.partial(choice, choices=choices)


def text(name: str, value: Any) -> str:
    """Return `value` if it is a text, or raise a `ValueError`."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"`{name}` must be a text. Received: {name}={value!r}")
    return value


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "attention": one_of(ATTENTIONS),
    "mask_activation": one_of(MASK_ACTIVATIONS),
    "mask_structure": one_of(MASK_STRUCTURES),
    "name": text,
    "remat": one_of((True, False)),
    "stages": stage_table,
    "stem": one_of(STEMS),
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
        names = ", ".join(map(repr, known))
        hint = f"did you mean '{close[0]}'?" if close else f"choose one of {names}."
        raise ValueError(
            f"'{network.name}' takes no such argument from a recipe; {hint} "
            f"Received: {value!r}"
        )
    if getattr(network, name, None) is not None and name != "name":
        raise ValueError(
            f"This is also stated as network.{name}; remove one of them. "
            f"Received: {value!r}"
        )
    if name in CHECKS:
        CHECKS[name](name, value)
    if name == "unit":
        _check_unit(value, allow_code)


def network_options(network: Network) -> dict[str, Any]:
    """Return the arguments to build a network with: stages and units as classes.

    Args:
        network: The section `network` of a recipe. If its unit is code of a module,
            the module is imported.
    """
    options = network.options()
    if "unit" in options:
        options["unit"] = class_of(options["unit"])
    if "stages" in options:
        options["stages"] = stage_table("stages", options["stages"])
    return options


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
