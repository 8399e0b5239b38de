"""The predictions of many images in a file that survives interruptions."""

import csv
import os
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from keras_resattn_client.file_locks import lock
from keras_resattn_client.result_formats import Csv
from keras_resattn_client.result_formats import JsonLines
from keras_resattn_client.result_formats import Result
from keras_resattn_client.typing import StrPath


class ResultFile:
    """A file of results. Whole batches are appended to it.

    Existing results are read first. An incomplete last line, after an interruption,
    is removed. With `overwrite`, existing results are removed when the first new ones
    are written. Use the file as a context manager.

    A line of CSV has as many classes as the first results, at most `top`. Errors before
    the first results are written with them, or at the end.

    Args:
        path: `FILE.csv` or `FILE.jsonl`.
        top: The largest number of classes per line of CSV.
        overwrite: Whether to remove existing results.
        excel: Whether a new file of CSV begins with a byte order mark, so that Excel
            reads it as UTF-8.

    Raises:
        ValueError: If the name ends otherwise, or the file has other content.
        BlockingIOError: If another process writes it.
    """

    def __init__(
        self,
        path: StrPath,
        top: int = 5,
        overwrite: bool = False,
        excel: bool = False,
    ):
        self.path = Path(path)
        self.top = top
        self.excel = excel
        self.overwrite = overwrite
        self.format: JsonLines | Csv | None = None
        self._widest = Csv(top)
        if not _is_csv(self.path):
            self.format = JsonLines()
        self.failed: dict[str, bool] = {}
        self._early_errors: list[Result] = []
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("a+b")
        try:
            self._lock()
            if not overwrite:
                self.file.truncate(self._read())
                self.file.seek(0, os.SEEK_END)
        except BaseException:
            self.file.close()
            raise

    def __contains__(self, image: object) -> bool:
        return str(image) in self.failed

    def append(self, results: Iterable[Result]) -> None:
        """Append results and flush them to disk.

        Args:
            results: The results.

        Raises:
            ValueError: If the file has another number of classes.
        """
        results = list(results)
        self.failed |= {result.image: bool(result.error) for result in results}
        counts = [len(result.classes) for result in results if result.classes]
        if counts and isinstance(self.format, Csv):
            if min(self.top, counts[0]) > self.format.columns:
                raise self._foreign(self.format.header)
        if self.format is None:
            self._early_errors += results
            if not counts:
                return
            results = self._begin(min(self.top, counts[0]))
        if self.format is not None:
            self._write("".join(map(self.format.write, results)))

    def __enter__(self) -> "ResultFile":
        return self

    def __exit__(self, *_: object) -> None:
        if self._early_errors:
            results = self._begin(self.top)
            self._write("".join(map(self._widest.write, results)))
        self.file.close()

    def _begin(self, columns: int) -> list[Result]:
        """Write the header of CSV, and return the results that waited for it."""
        self.format = self._widest = Csv(columns)
        self._write(("\ufeff" if self.excel else "") + self.format.header)
        waiting, self._early_errors = self._early_errors, []
        return waiting

    def _lock(self) -> None:
        try:
            lock(self.file)
        except BlockingIOError as error:
            raise BlockingIOError(
                "Another process is writing this file. Wait, or choose another file. "
                f"Received: {self.path}"
            ) from error

    def _read(self) -> int:
        """Read existing results, and return the end of the last complete record."""
        self.file.seek(0)
        end = 0
        for record in _records(self.file, (self.format or self._widest).is_whole):
            text = record.decode("utf-8", "surrogateescape")
            if self.format is None:
                self.format = Csv.of_header(text.removeprefix("\ufeff"))
                if self.format is None or self.format.columns > self.top:
                    raise self._foreign(text)
            else:
                result = self._parse(self.format, text)
                self.failed[result.image] = bool(result.error)
            end += len(record)
        if end == 0:
            self._check_beginning()
        return end

    def _check_beginning(self) -> None:
        """Refuse a file without a whole line that is no interrupted one of ours."""
        self.file.seek(0)
        # Longer than any header.
        start = self.file.read(len(self._widest.header) + 4)
        if not (self.format or self._widest).may_begin(start):
            raise self._foreign(start.decode("utf-8", "backslashreplace"))

    def _parse(self, format: JsonLines | Csv, text: str) -> Result:
        try:
            return format.read(text)
        except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
            raise self._foreign(text) from error

    def _foreign(self, text: str) -> ValueError:
        return ValueError(
            "This file has other content than these results, or another number of "
            "classes. Choose another file, or start again with --overwrite. "
            f"Received: {self.path} with the line {text.strip()[:80]!r}"
        )

    def _write(self, text: str) -> None:
        if self.overwrite:
            self.file.truncate(0)
            self.overwrite = False
        self.file.write(text.encode("utf-8", "surrogateescape"))
        self.file.flush()
        os.fsync(self.file.fileno())


def check_name(path: Path) -> None:
    """Raise a `ValueError` if results cannot be written under a name."""
    if path.suffix.lower() not in (".csv", ".jsonl"):
        raise ValueError(
            f"Results are written as FILE.csv or FILE.jsonl. Received: {path}"
        )


def _is_csv(path: Path) -> bool:
    check_name(path)
    return path.suffix.lower() == ".csv"


def _records(file: BinaryIO, is_whole: Callable[[bytes], bool]) -> Iterator[bytes]:
    record = b""
    for line in file:
        record += line
        if record.endswith(b"\n") and is_whole(record):
            yield record
            record = b""
