"""Versions are checked against the checksums of their export."""

import hashlib
import logging

import pytest

from .loading import available
from .loading import flip
from .loading import poll_twice
from .loading import status
from .small_models import publish


def write_checksums(folder):
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n"
        for path in folder.rglob("*")
        if path.is_file()
    ]
    (folder / "assets.extra").mkdir(exist_ok=True)
    (folder / "assets.extra/SHA256SUMS").write_text("".join(lines))


def test_the_checksums_of_an_export_are_checked(loader, folder, times, caplog):
    caplog.set_level(logging.INFO)
    publish(times[2], folder / "2")
    write_checksums(folder / "2")
    (folder / "2/more.txt").touch()
    poll_twice(loader)
    assert available(loader) == [2]
    assert f"{folder / '2'} has files that are not checked: more.txt" in caplog.text


def test_an_export_without_checksums_is_loaded_with_a_line_in_the_log(
    loader, folder, times, caplog
):
    caplog.set_level(logging.INFO)
    publish(times[2], folder / "2")
    poll_twice(loader)
    assert available(loader) == [2]
    assert "2 is not checked, as it has no assets.extra/SHA256SUMS" in caplog.text


@pytest.mark.parametrize(
    "spoil, reason",
    [
        (lambda f: (f / "variables/variables.index").unlink(), "is missing"),
        (lambda f: flip(next(f.glob("variables/variables.data*"))), "SHA-256 differs"),
        (lambda f: (f / "assets.extra/SHA256SUMS").write_text("x"), "must have lines"),
    ],
)
def test_a_version_that_differs_from_its_checksums_ends(
    loader, folder, times, spoil, reason
):
    publish(times[2], folder / "2")
    write_checksums(folder / "2")
    spoil(folder / "2")
    poll_twice(loader)
    assert available(loader) == [1]
    assert status(loader, 2).state == "END"
    assert reason in status(loader, 2).message
