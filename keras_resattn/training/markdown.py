"""Names, numbers and tables as Markdown."""

import datetime
import html
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

SHOWN_NAMES = 20


def listed(names: Sequence[str]) -> str:
    """Return names with commas between them; of many, the first and a count."""
    shown = ", ".join(escaped(name) for name in names[:SHOWN_NAMES])
    rest = len(names) - SHOWN_NAMES
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def escaped(name: object) -> str:
    """Return a name as text for Markdown, with special characters escaped."""
    return html.escape(str(name)).replace("|", "&#124;").replace("`", "&#96;")


def table(head: tuple[str, str], rows: Iterable[tuple[str, Any]]) -> str:
    """Return a table of two columns."""
    lines = [head, ("---", "---"), *((escaped(k), escaped(v)) for k, v in rows)]
    return "\n".join(f"| {name} | {value} |" for name, value in lines)


def four_digits(value: Any) -> str:
    """Return a number, or the text of a number, with four digits."""
    try:
        return f"{float(value):.4g}"
    except ValueError:  # "NA", which CSVLogger writes for a missing value
        return str(value)


def duration_text(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds."""
    return f"{datetime.timedelta(seconds=round(seconds))} (h:mm:ss)"
