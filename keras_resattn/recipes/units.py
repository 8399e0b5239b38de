"""A basic unit that a recipe names: built in, or the code of a module."""

import importlib
import os
import sys
from typing import Any

import keras

from keras_resattn.layers.units import get_unit


def class_of(unit: Any) -> type[keras.layers.Layer]:
    """Return the class of a unit. If it is written as `module:Class`, import it."""
    return import_unit(unit) if is_code(unit) else get_unit(unit)


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
