"""Names of the types in annotations.

`Tensor` is what Keras computes with: a `keras.KerasTensor` in a graph, a tensor of
the backend outside of one. Keras has no common type for these.
"""

import os
from typing import Any
from typing import TypeAlias

import numpy.typing as npt

Tensor: TypeAlias = Any
Array: TypeAlias = npt.NDArray[Any]
StrPath: TypeAlias = str | os.PathLike[str]
