"""The predictions of many images in a file that survives interruptions."""

import csv
import dataclasses
import io
import itertools
import json
import os
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from keras_resattn_client.file_locks import lock
from keras_resattn_client.typing import StrPath


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of one image.

    Args:
        image: Its path.
        classes: Pairs of label and probability, the most probable first. Empty if
            it could not be classified.
        error: The reason, or an empty string.
    """

    image: str
    classes: tuple[tuple[str, float], ...] = ()
    error: str = ""


class JsonLines:
    """One JSON object per line: `{"image": ..., "probabilities": {label: ...}}`."""

    header = ""

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
    """Comma-separated values: the image, its best classes, the error."""

    def __init__(self, top: int):
        self.top = top
        ranks = [(f"label_{i}", f"probability_{i}") for i in range(1, top + 1)]
        names = itertools.chain.from_iterable(ranks)
        self.header = _csv_line(["image", *names, "error"])

    def write(self, result: Result) -> str:
        """Return a result's line."""
        classes = [(label, f"{p:.6g}") for label, p in result.classes[: self.top]]
        classes += [("", "")] * (self.top - len(classes))
        cells = itertools.chain.from_iterable(classes)
        return _csv_line([result.image, *cells, result.error])

    def read(self, record: str) -> Result:
        """Return the result in a line."""
        image, *cells, error = next(csv.reader([record], strict=True))
        if len(cells) != 2 * self.top:
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

    Args:
        path: `FILE.csv` or `FILE.jsonl`.
        top: The number of classes per line of CSV.
        overwrite: Whether to remove existing results.

    Raises:
        ValueError: If the name ends otherwise, or the file has other content.
        BlockingIOError: If another process writes it.
    """

    def __init__(self, path: StrPath, top: int = 5, overwrite: bool = False):
        self.path = Path(path)
        self.format = file_format(self.path, top)
        self.failed: dict[str, bool] = {}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("a+b")
        try:
            self._lock()
            self.file.truncate(0 if overwrite else self._read())
            if not self.file.seek(0, os.SEEK_END):
                self._write(self.format.header)
        except BaseException:
            self.file.close()
            raise

    def __contains__(self, image: object) -> bool:
        return str(image) in self.failed

    def append(self, results: Iterable[Result]) -> None:
        """Append results and flush them to disk."""
        results = list(results)
        self._write("".join(map(self.format.write, results)))
        self.failed |= {result.image: bool(result.error) for result in results}

    def __enter__(self) -> "ResultFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

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
        for number, record in enumerate(_records(self.file, self.format.is_whole)):
            end += len(record)
            text = record.decode("utf-8", "surrogateescape")
            if number or not self.format.header:
                result = self._parse(text)
                self.failed[result.image] = bool(result.error)
            elif text != self.format.header:
                raise self._foreign(text)
        return end

    def _parse(self, text: str) -> Result:
        try:
            return self.format.read(text)
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


def file_format(path: Path, top: int = 5) -> JsonLines | Csv:
    """Return the format for a file's name.

    Raises:
        ValueError: If its extension is not known.
    """
    match path.suffix.lower():
        case ".jsonl":
            return JsonLines()
        case ".csv":
            return Csv(top)
    raise ValueError(f"Results are written as FILE.csv or FILE.jsonl. Received: {path}")


def _csv_line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _records(file: BinaryIO, is_whole: Callable[[bytes], bool]) -> Iterator[bytes]:
    record = b""
    for line in file:
        record += line
        if record.endswith(b"\n") and is_whole(record):
            yield record
            record = b""
