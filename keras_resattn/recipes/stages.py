"""The table of stages in a recipe: its form, and whether the network can have it."""

import inspect
from typing import Any

from keras_resattn.builder.network import STEMS
from keras_resattn.builder.stages import Stage
from keras_resattn.builder.stages import check_stage
from keras_resattn.builder.stages import smallest_size
from keras_resattn.recipes.settings import Network
from keras_resattn.recipes.units import class_of
from keras_resattn.zoo import model_info

EXAMPLE = "{filters: 64, strides: 1, modules: 1, mask_depth: 2, closing_units: 0}"


def stage_table(name: str, value: Any) -> tuple[Stage, ...]:
    """Return the stages that a recipe states as a list of mappings.

    Args:
        name: The name of the argument.
        value: The list. Each mapping has the attributes of a `Stage`.

    Raises:
        ValueError: If it is something else, or a number is out of range.
    """
    if not isinstance(value, list) or not value:
        raise ValueError(
            f"`{name}` must be a list of stages, such as [{EXAMPLE}]. "
            f"Received: {name}={value!r}"
        )
    return tuple(_stage(number, one) for number, one in enumerate(value, start=1))


def _stage(number: int, stated: Any) -> Stage:
    keys = set(stated) if isinstance(stated, dict) else set()
    fields = inspect.signature(Stage).parameters.values()
    required = {field.name for field in fields if field.default is field.empty}
    if not required <= keys <= set(Stage._fields):
        raise ValueError(
            f"Stage {number} must be a mapping such as {EXAMPLE}; only `mask_depth` "
            f"and `closing_units` can be left out. Received: {stated!r}"
        )
    try:
        return check_stage(Stage(**stated))
    except ValueError as error:
        raise ValueError(f"Stage {number}: {error}") from error


def check_size(network: Network) -> None:
    """Raise a `ValueError` if images are too small for the stages of a network."""
    stated = _with_defaults(network)
    if stated is None:
        return
    smallest = smallest_size(stated["stages"], STEMS[stated["stem"]].strides)
    if min(network.input_shape[:2]) < smallest:
        raise ValueError(
            f"The stages of this network need images of {smallest} x {smallest} pixels "
            f"or more. Received: {list(network.input_shape)}"
        )


def check_filters(network: Network) -> None:
    """Raise a `ValueError` if the filters of a stage do not fit the basic unit."""
    stated = _with_defaults(network)
    if stated is None or stated["width_multiplier"] != 1:  # it rounds the filters
        return
    multiple = getattr(stated["unit"], "filters_multiple", 1)
    for number, stage in enumerate(stated["stages"], start=1):
        if stage.filters % multiple:
            raise ValueError(
                f"Stage {number}: `filters` must be a multiple of {multiple} for units "
                f"of type {stated['unit'].__name__}. Received: filters={stage.filters}"
            )


def _with_defaults(network: Network) -> dict[str, Any] | None:
    """Return what decides the sizes of a network, `None` if it has no stages."""
    parameters = inspect.signature(model_info(network.name).network).parameters
    names = ("stages", "stem", "unit", "width_multiplier")
    if not set(names) <= set(parameters):
        return None
    stated = {
        name: network.arguments.get(name, parameters[name].default) for name in names
    }
    if "stages" in network.arguments:
        stated["stages"] = stage_table("stages", stated["stages"])
    return stated | {"unit": class_of(stated["unit"])}
