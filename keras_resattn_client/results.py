"""The predictions of many images in a file that survives interruptions."""

import csv
import dataclasses
import io
import itertools
import json
import os
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from keras_resattn_client.file_locks import lock
from keras_resattn_client.typing import StrPath

# The texts of older files that begin with a mark stay readable.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of one image.

    Args:
        image: Its path.
        classes: Pairs of label and probability, the most probable first. Empty if
            it could not be classified.
        error: The reason, or an empty string.
        notice: A sentence about a prediction that is less sure than is usual, or an
            empty string. It is not written to files.
    """

    image: str
    classes: tuple[tuple[str, float], ...] = ()
    error: str = ""
    notice: str = ""


class JsonLines:
    """One JSON object per line: `{"image": ..., "probabilities": {label: ...}}`."""

    def write(self, result: Result) -> str:
        """Return a result's line."""
        if result.error:
            return json.dumps({"image": result.image, "error": result.error}) + "\n"
        classes = dict(result.classes)
        return json.dumps({"image": result.image, "probabilities": classes}) + "\n"

    def read(self, record: str) -> Result:
        """Return the result in a line."""
        row = json.loads(record)
        classes = tuple(row.get("probabilities", {}).items())
        return Result(row["image"], classes, row.get("error", ""))

    def is_whole(self, record: bytes) -> bool:
        """Return whether a record ends with this line: it always does."""
        return True


class Csv:
    """Comma-separated values: the image, its best classes, the error.

    Args:
        columns: The number of classes per line.
    """

    def __init__(self, columns: int):
        self.columns = columns
        ranks = [(f"label_{i}", f"probability_{i}") for i in range(1, columns + 1)]
        names = itertools.chain.from_iterable(ranks)
        self.header = _csv_line(["image", *names, "error"])

    @classmethod
    def of_header(cls, text: str) -> "Csv | None":
        """Return the format of a file with this first line, or None."""
        found = cls(text.count(",label_"))
        return found if text == found.header else None

    def write(self, result: Result) -> str:
        """Return a result's line."""
        classes = [(label, f"{p:.6g}") for label, p in result.classes[: self.columns]]
        classes += [("", "")] * (self.columns - len(classes))
        cells = itertools.chain.from_iterable(classes)
        return _csv_line([result.image, *cells, result.error])

    def read(self, record: str) -> Result:
        """Return the result in a line."""
        image, *cells, error = map(_unescaped, next(csv.reader([record], strict=True)))
        if len(cells) != 2 * self.columns:
            raise ValueError(f"{len(cells) + 2} columns")
        pairs = zip(cells[::2], cells[1::2], strict=True)
        classes = tuple((label, float(p)) for label, p in pairs if p)
        return Result(image, classes, error)

    def is_whole(self, record: bytes) -> bool:
        """Return whether no quoted line break is open: paths may have one."""
        return record.count(b'"') % 2 == 0


class ResultFile:
    """A file of results. Whole batches are appended to it.

    Existing results are read first. An incomplete last line, after an interruption,
    is removed. Use the file as a context manager.

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
        self.format: JsonLines | Csv | None = None
        if _is_csv(self.path):
            self._widest = Csv(top)
        else:
            self.format = JsonLines()
        self.failed: dict[str, bool] = {}
        self._early_errors: list[Result] = []
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("a+b")
        try:
            self._lock()
            self.file.truncate(0 if overwrite else self._read())
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
        return end

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


def _csv_line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(map(_escaped, cells))
    return text.getvalue()


def _escaped(cell: str) -> str:
    """Mark text that a spreadsheet would run as a formula. A number stays."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unescaped(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell[1:]) else cell


def _records(file: BinaryIO, is_whole: Callable[[bytes], bool]) -> Iterator[bytes]:
    record = b""
    for line in file:
        record += line
        if record.endswith(b"\n") and is_whole(record):
            yield record
            record = b""
