"""Make one table of all measurements: ours, a peer's, and whether the goal is met.

A part of the benchmark is a module of this package with a function
`rows(quick: bool) -> list[Row]`. `python -m benchmarks` prints the rows of all parts.
"""

import operator
from typing import NamedTuple

COMPARISONS = {">=": operator.ge, "<=": operator.le}
HEAD = ("goal", "what", "ours", "peer", "ratio", "target", "")


class Row(NamedTuple):
    """A comparison of two measurements, with its goal.

    Attributes:
        goal: String, the group that the row belongs to, such as `"inference"`.
        what: String, what is compared, such as `"float32, batch 8, PyTorch"`.
        ours: String, our measurement with its unit, such as `"33.1 ms"`.
        peer: String, the measurement of the peer, or an empty string.
        ratio: Float, which the target applies to; `None` if nothing is compared.
        target: String, a comparison and a number such as `">= 1.3"` or `"<= 0.5"`;
            an empty string for a row without a goal.
    """

    goal: str
    what: str
    ours: str
    peer: str
    ratio: float | None
    target: str


def is_met(row):
    """Return whether a row meets its target, or `None` if it has none."""
    if not row.target:
        return None
    comparison, number = row.target.split()
    # NaN, and a ratio that could not be measured, meet no target.
    return row.ratio is not None and COMPARISONS[comparison](row.ratio, float(number))


def markdown(rows):
    """Return rows as a table in Markdown."""
    lines = [_line(HEAD), "|" + "---|" * len(HEAD)]
    return "\n".join(lines + [_line(_cells(row)) for row in rows])


def _cells(row):
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    verdict = {None: "", True: "met", False: "not met"}[is_met(row)]
    return (row.goal, row.what, row.ours, row.peer, ratio, row.target, verdict)


def _line(cells):
    return "| " + " | ".join(cells) + " |"
