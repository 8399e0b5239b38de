import math

import pytest

from benchmarks.table import Row
from benchmarks.table import is_met
from benchmarks.table import markdown


def row(ratio, target):
    return Row("speed", "batch 8", "10 ms", "14 ms", ratio, target)


@pytest.mark.parametrize(
    ("ratio", "target", "met"),
    [
        (1.4, ">= 1.3", True),
        (1.2, ">= 1.3", False),
        (0.4, "<= 0.5", True),
        (0.6, "<= 0.5", False),
        (math.nan, ">= 1.3", False),
        (None, ">= 1.3", False),
        (1.4, "", None),
    ],
)
def test_a_row_meets_its_target_if_its_ratio_does(ratio, target, met):
    assert is_met(row(ratio, target)) is met


def test_the_table_names_what_is_met_and_what_is_not():
    rows = [row(1.4, ">= 1.3"), row(1.2, ">= 1.3"), row(None, "")]
    lines = markdown(rows).splitlines()
    assert lines[2] == "| speed | batch 8 | 10 ms | 14 ms | 1.40 | >= 1.3 | met |"
    assert lines[3].endswith("| 1.20 | >= 1.3 | not met |")
    assert lines[4].endswith("| 14 ms |  |  |  |")
