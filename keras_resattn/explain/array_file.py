"""An NPZ file that is written batch by batch."""

import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from keras_resattn.atomic_writing import write_beside
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath


class ArrayFile:
    """Write arrays to an NPZ file, some rows at a time, in constant memory.

    `numpy.load` reads the file, without pickles. The file appears when the block
    ends without an error.

    Example:

    >>> with ArrayFile("masks.npz", count=1000) as file:
    ...     for masks in iter_masks(model, batches):
    ...         file.append(masks)

    Args:
        path: The file to write.
        count: Integer, the number of rows of the finished arrays.
    """

    def __init__(self, path: StrPath, count: int) -> None:
        self.path = Path(path)
        self.count = count
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: dict[str, BinaryIO] = {}
        self._rows = 0

    def append(self, arrays: Mapping[str, Array]) -> None:
        """Add rows.

        Args:
            arrays: A dictionary from names to arrays `(rows, ...)`. Names, types
                and all other axes must be the same in every call.
        """
        arrays = {name: np.ascontiguousarray(rows) for name, rows in arrays.items()}
        if not self._files:
            self._begin(arrays)
        for name, rows in arrays.items():
            self._files[name].write(rows.data)
        self._rows += len(rows)

    def add(self, name: str, array: ArrayLike) -> None:
        """Add a complete array, such as the names of the rows."""
        assert self._folder is not None  # rows were appended before
        np.save(self._part(name), np.asarray(array))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            for file in self._files.values():
                file.close()
            if kind is None:
                self._check_rows()
                write_beside(self.path, self._pack)
        finally:
            if self._folder is not None:
                self._folder.cleanup()

    def _part(self, name: str) -> Path:
        """Return the path of an array until all of them are packed."""
        if self._folder is None:
            # Next to the file: the system's temporary folder may be in memory.
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(
                dir=self.path.parent, prefix=f".{self.path.name}."
            )
        return Path(self._folder.name) / f"{name}.npy"

    def _begin(self, arrays):
        for name, rows in arrays.items():
            file = self._part(name).open("wb")
            header = np.lib.format.header_data_from_array_1_0(rows)
            header["shape"] = (self.count, *rows.shape[1:])
            np.lib.format.write_array_header_1_0(file, header)
            self._files[name] = file

    def _check_rows(self):
        if self._rows != self.count:
            raise ValueError(
                f"The arrays must have {self.count} rows at the end of the block. "
                f"Received: {self._rows} rows for {self.path}"
            )

    def _pack(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(self._part("").parent.iterdir()):
                archive.write(file, file.name)
