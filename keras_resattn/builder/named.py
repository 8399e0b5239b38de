"""How a network gets a name: a function with the arguments of keras.applications."""

import inspect
from collections.abc import Callable
from typing import Any
from typing import ParamSpec

import keras

from keras_resattn.builder.documentation import Documentation
from keras_resattn.builder.documentation import docstring
from keras_resattn.builder.stages import as_stage
from keras_resattn.layers.units import get_unit
from keras_resattn.layers.units import unit_name
from keras_resattn.typing import StrPath
from keras_resattn.weights import find_weights

P = ParamSpec("P")

USUAL = {
    "classes": 1000,
    "p": 1,
    "t": 2,
    "r": 1,
    "unit": "pre_activation",
    "stem": "imagenet",
}

# The arguments that decide which weights a network has, or what they compute.
ARCHITECTURE = (
    "attention",
    "mask_activation",
    "mask_structure",
    "p",
    "t",
    "r",
    "unit",
    "width_multiplier",
    "stages",
    "stem",
)


def named(
    signature: Callable[P, keras.Model],
    build: Callable[..., keras.Model],
    name: str,
    documentation: Documentation,
    **defaults: object,
) -> Callable[P, keras.Model]:
    """Return the function that instantiates a network by its name.

    Args:
        signature: A function of `keras_resattn.builder.signatures`. The network
            takes its arguments.
        build: A function of the same arguments that returns the model.
        name: The default name of the model.
        documentation: A `Documentation`.
        **defaults: The defaults that differ from `USUAL`.

    Returns:
        A function with the signature, its own defaults and a docstring.
    """
    own = _with_defaults(
        inspect.signature(signature), USUAL | defaults | {"name": name}
    )
    default = {key: argument.default for key, argument in own.parameters.items()}

    def network(*args: P.args, **kwargs: P.kwargs) -> keras.Model:
        try:
            bound = own.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(
                f"{network.__name__}() {error}. Its arguments are "
                f"{', '.join(map(repr, default))}. Received: {len(args)} positional "
                f"arguments, and by name: {', '.join(sorted(kwargs)) or 'none'}"
            ) from None
        arguments = default | bound.arguments
        if not documentation.weights:
            arguments["weights"] = _find_weights(arguments, name, default)
        return build(**arguments)

    network.__module__, network.__name__ = documentation.path.rsplit(".", 1)
    network.__qualname__ = network.__name__
    network.__doc__ = docstring(documentation, name, default)
    network.__signature__ = own  # type: ignore[attr-defined]
    return network


def _with_defaults(
    signature: inspect.Signature, defaults: dict[str, object]
) -> inspect.Signature:
    return signature.replace(
        parameters=[
            parameter.replace(default=defaults[parameter.name])
            if parameter.default is ...
            else parameter
            for parameter in signature.parameters.values()
        ]
    )


def _find_weights(
    arguments: dict[str, Any], network: str, default: dict[str, object]
) -> StrPath | None:
    """Return the file of the weights. Named weights fit only one architecture."""
    known = [key for key in ARCHITECTURE if key in arguments]
    stated = {key: arguments[key] for key in known}
    if "unit" in stated:
        stated["unit"] = unit_name(get_unit(stated["unit"]))
    if "stages" in stated:
        stated["stages"] = tuple(map(as_stage, stated["stages"]))
    return find_weights(
        arguments["weights"], network, stated, {key: default[key] for key in known}
    )
