"""A version whose files take long to read."""

import threading

import pytest

from keras_resattn_server.loading import version_load

from .loading import answer
from .loading import available
from .loading import poll_twice
from .loading import status
from .small_models import publish


@pytest.fixture
def slow_disk(monkeypatch):
    """Return a function of a version. It returns the event that the disk waits for."""

    def hold(version):
        disk_answers = threading.Event()

        def slow(folder):
            if folder.name == version:
                disk_answers.wait()

        monkeypatch.setattr(version_load, "check_files", slow)
        return disk_answers

    return hold


def wait_for(loader, versions):
    while available(loader) != versions:
        loader.poll()


def test_a_version_that_takes_long_does_not_hold_up_others(
    loader, folder, times, slow_disk
):
    disk_answers = slow_disk("3")
    loader._patience = 0.1
    publish(times[3], folder / "3")
    poll_twice(loader)
    assert loader.is_waiting
    assert (available(loader), status(loader, 3).state) == ([1], "LOADING")
    publish(times[2], folder / "2")
    loader._patience = 60
    poll_twice(loader)
    assert available(loader) == [2]
    disk_answers.set()
    wait_for(loader, [3])
    assert not loader.is_waiting
    assert answer(loader.registry.get("times")) == 3


def test_a_version_that_is_not_wanted_any_more_is_forgotten(
    loader, folder, times, slow_disk
):
    disk_answers = slow_disk("2")
    loader._patience = 0.1
    publish(times[2], folder / "2")
    poll_twice(loader)
    assert loader.is_waiting
    loader._patience = 60
    publish(times[3], folder / "3")
    poll_twice(loader)
    assert available(loader) == [3]
    assert not loader.is_waiting
    assert sorted(loader.registry.statuses("times")) == [1, 3]
    disk_answers.set()
