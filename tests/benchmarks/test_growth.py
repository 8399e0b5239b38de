import inspect

import pytest

from benchmarks import growth

ROW = {"step": 0.5, "work": 1e9, "GiB": 1.5, "base_GiB": 1.0, "build": 1, "first": 2}


def test_every_point_can_be_measured():
    signature = inspect.signature(growth.measure)
    for points in growth.points().values():
        variables = [variable for variable, _ in points]
        assert len(set(variables)) == len(variables) > 2
        for _, options in points:
            given = signature.bind(**options).arguments
            assert bool(given.get("size")) != bool(given.get("depth"))


@pytest.mark.slow
def test_a_point_is_measured_in_a_process_of_its_own():
    row = growth.in_process({"batch": 2, "size": 32})
    assert set(row) == set(ROW)
    assert 0 < row["step"] < row["first"]
    assert 0 < row["base_GiB"] <= row["GiB"]
    # At 224, 7 times 7 times as much but for the classifier: 6.3 G multiply-adds.
    assert row["work"] == pytest.approx(2 * 6.3e9 / 49, rel=0.1)


def test_a_failed_point_is_a_line_and_the_others_are_measured(monkeypatch, capsys):
    rows = iter([None, ROW])
    monkeypatch.setattr(growth, "in_process", lambda options: next(rows))
    found = growth.print_series("batch", [(1, {}), (2, {})])
    assert found == [(2, ROW)]
    failed, measured = capsys.readouterr().out.splitlines()[-2:]
    assert failed == "| 1 | failed | | | | | |"
    assert measured == "| 2 | 1.0 | 2.0 | 500 | 500.0 | 1.50 | 0.50 |"


def test_the_figure_is_written(tmp_path):
    series = {"batch": [(1, ROW), (2, {**ROW, "work": 2e9})]}
    growth.plot(series, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
