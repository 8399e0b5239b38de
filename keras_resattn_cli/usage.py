"""Errors of usage: the exit code is 2, and the usage of the command is shown."""

import contextlib
from collections.abc import Iterator

import typer


@contextlib.contextmanager
def usage_errors() -> Iterator[None]:
    """Turn a `ValueError` of the block into an error of usage."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
