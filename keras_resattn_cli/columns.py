"""Tables of text that fit the terminal."""

import os
import shutil
import sys
import textwrap
from collections.abc import Mapping
from collections.abc import Sequence

GAP = 2


def terminal_width() -> int | None:
    """Return the width of the terminal, or `None` if the output is not shown on one.

    The variable COLUMNS has precedence, also if the output is a file or a pipe.
    """
    limited = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    return shutil.get_terminal_size().columns if limited else None


def table_lines(
    rows: Sequence[Mapping[str, str]],
    drop: Sequence[str] = (),
    right: Sequence[str] = (),
    width: int | None = None,
) -> list[str]:
    """Return the lines of a table that fits, and a line that names what is left out.

    Args:
        rows: The rows, each with a text for every column. Columns of the same heading
            differ by spaces at the end.
        drop: The columns to leave out one after another until the others fit.
        right: Those to align on the right.
        width: The width of the terminal in characters, or `None` for no limit.
    """
    names = columns_that_fit(rows, width, drop)
    lines = format_columns(rows, names, right)
    left_out = dict.fromkeys(name.strip() for name in rows[0] if name not in names)
    if left_out:
        remark = f"Wider terminals also show: {', '.join(left_out)}."
        lines += wrapped(remark, width)
    return lines


def wrapped(text: str, width: int | None) -> list[str]:
    """Return the lines of a text, none of them longer than `width` if words fit."""
    if width is None:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def columns_that_fit(
    rows: Sequence[Mapping[str, str]], width: int | None, drop: Sequence[str] = ()
) -> list[str]:
    """Return the names of the columns to show.

    Args:
        rows: The rows, each with a text for every column.
        width: The width of the terminal in characters, or `None` for no limit.
        drop: The columns to leave out one after another until the others fit.

    Returns:
        A list of keys of `rows[0]`, in their order.
    """
    names = list(rows[0])
    for name in drop:
        if width is None or _width(rows, names) <= width:
            break
        names.remove(name)
    return names


def format_columns(
    rows: Sequence[Mapping[str, str]], names: Sequence[str], right: Sequence[str] = ()
) -> list[str]:
    """Return the lines of a table, a line of headings first.

    Args:
        rows: The rows, each with a text for every column.
        names: The columns to show.
        right: Those to align on the right.
    """
    widths = {name: _column_width(rows, name) for name in names}
    heading = {name: name for name in names}

    def line(row: Mapping[str, str]) -> str:
        cells = (
            f"{row[name]:{'>' if name in right else '<'}{widths[name]}}"
            for name in names
        )
        return (" " * GAP).join(cells).rstrip()

    return [line(row) for row in (heading, *rows)]


def _width(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> int:
    return sum(_column_width(rows, name) + GAP for name in names) - GAP


def _column_width(rows: Sequence[Mapping[str, str]], name: str) -> int:
    return max(len(name), *(len(row[name]) for row in rows))
