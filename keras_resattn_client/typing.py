"""Names of the types in annotations of the client and the server."""

import os
from typing import Any
from typing import TypeAlias

import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
StrPath: TypeAlias = str | os.PathLike[str]
