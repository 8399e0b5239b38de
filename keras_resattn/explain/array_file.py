"""An NPZ file that is written a batch at a time."""

import tempfile
import zipfile
from pathlib import Path

import numpy as np

from keras_resattn.model_folder import write_beside


class ArrayFile:
    """Write arrays to an NPZ file, some rows at a time, with flat memory.

    `numpy.load` reads it, without pickles. It appears when the block ends
    without an error, whole.

    Example:

    >>> with ArrayFile("masks.npz", count=1000) as file:
    ...     for masks in iter_masks(model, batches):
    ...         file.append(masks)

    Args:
        path: The file to write.
        count: Integer, how many rows the arrays have in the end.
    """

    def __init__(self, path, count):
        self.path = Path(path)
        self.count = count
        self._folder = None
        self._files = {}
        self._rows = 0

    def append(self, arrays):
        """Add rows.

        Args:
            arrays: A dictionary from names to arrays `(rows, ...)`, each time
                with the same names, shapes and types but for the rows.
        """
        arrays = {name: np.ascontiguousarray(rows) for name, rows in arrays.items()}
        if self._folder is None:
            self._begin(arrays)
        for name, rows in arrays.items():
            self._files[name].write(rows.data)
        self._rows += len(rows)

    def add(self, name, array):
        """Add an array that is whole, such as the names of the rows."""
        np.save(Path(self._folder.name) / f"{name}.npy", np.asarray(array))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        try:
            for file in self._files.values():
                file.close()
            if kind is None:
                self._check_rows()
                write_beside(self.path, self._pack)
        finally:
            if self._folder is not None:
                self._folder.cleanup()

    def _begin(self, arrays):
        # Beside the file: a system's temporary folder may be in memory.
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(
            dir=self.path.parent, prefix=f".{self.path.name}."
        )
        for name, rows in arrays.items():
            file = (Path(self._folder.name) / f"{name}.npy").open("wb")
            header = np.lib.format.header_data_from_array_1_0(rows)
            header["shape"] = (self.count, *rows.shape[1:])
            np.lib.format.write_array_header_1_0(file, header)
            self._files[name] = file

    def _check_rows(self):
        if self._rows != self.count:
            raise ValueError(
                f"The arrays should have {self.count} rows in the end. Received: "
                f"{self._rows} for {self.path}"
            )

    def _pack(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(Path(self._folder.name).iterdir()):
                archive.write(file, file.name)
