"""Checks of arguments: each returns the value, or raises an error that names it."""

import numbers
from collections.abc import Collection
from typing import Any
from typing import TypeVar

T = TypeVar("T")


def positive_integer(name: str, value: Any) -> int:
    """Return `value` as an int, or raise a `ValueError` that names it."""
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or value < 1:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r}"
        )
    return int(value)


def whole_number(name: str, value: Any) -> int:
    """Return `value` as an int of 0 or more, or raise a `ValueError` that names it."""
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or value < 0:
        raise ValueError(
            f"`{name}` must be an integer, 0 or more. Received: {name}={value!r}"
        )
    return int(value)


def positive_number(name: str, value: Any) -> float:
    """Return `value`, greater than 0, or raise a `ValueError` that names it."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not value > 0:
        raise ValueError(
            f"`{name}` must be a number greater than 0. Received: {name}={value!r}"
        )
    return value


def rate(name: str, value: Any) -> float:
    """Return `value` as a float from 0 to less than 1, or raise a `ValueError`."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value < 1:
        raise ValueError(
            f"`{name}` must be a number from 0 to less than 1. "
            f"Received: {name}={value!r}"
        )
    return float(value)


def choice(name: str, value: T, choices: Collection[T]) -> T:
    """Return `value` if it is one of `choices`, or raise a `ValueError`."""
    if value not in tuple(choices):  # a value that cannot be hashed is no choice
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, choices))}. "
            f"Received: {name}={value!r}"
        )
    return value
