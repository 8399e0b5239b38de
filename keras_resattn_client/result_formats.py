"""The result of an image, and the formats of files of results."""

import codecs
import csv
import dataclasses
import io
import itertools
import json
import re
from collections.abc import Sequence

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

    def may_begin(self, start: bytes) -> bool:
        """Return whether an interrupted file of this format begins with these bytes."""
        return _agree(b'{"image": ', start)


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

    def may_begin(self, start: bytes) -> bool:
        """Return whether the header was interrupted after these bytes."""
        headers = [Csv(count).header.encode() for count in range(1, self.columns + 1)]
        headers += [codecs.BOM_UTF8 + header for header in headers]
        return any(header.startswith(start) for header in headers)


def _csv_line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(map(_escaped, cells))
    return text.getvalue()


def _escaped(cell: str) -> str:
    """Mark text that a spreadsheet would run as a formula. A number stays."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unescaped(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell[1:]) else cell


def _agree(first: bytes, second: bytes) -> bool:
    """Return whether one of them begins with the other."""
    return first.startswith(second) or second.startswith(first)
