"""Names of the types in annotations.

`Tensor` is what Keras computes with: a `keras.KerasTensor` in a graph, a tensor of
the backend outside of one. Keras has no common type for these.

`Shape` is the shape of a tensor. An axis of unknown length is `None`.
"""

import os
from collections.abc import Callable
from typing import Any
from typing import TypeAlias

import numpy.typing as npt

Tensor: TypeAlias = Any
Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int | None, ...]
StrPath: TypeAlias = str | os.PathLike[str]
Activation: TypeAlias = str | Callable[[Tensor], Tensor] | None
