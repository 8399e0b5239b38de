"""Which versions serve when folders come, go and break."""

import logging
import os
import shutil

import numpy as np
import pytest

from keras_resattn_server.loading.loader import ModelLoader
from keras_resattn_server.loading.model_config import ModelConfig
from keras_resattn_server.loading.model_config import ModelFolders
from keras_resattn_server.loading.versions import VersionPolicy
from keras_resattn_server.models.registry import ServableRegistry

from .loading import answer
from .loading import available
from .loading import flip
from .loading import poll_twice
from .loading import status
from .loading import warm_up_file
from .small_models import publish


class Source:
    """Models that a test changes."""

    def __init__(self, *models):
        self.listed = list(models)

    def models(self):
        return self.listed


def truncate(path):
    path.write_bytes(path.read_bytes()[:100])


BROKEN = {
    "empty": lambda folder: (shutil.rmtree(folder), folder.mkdir()),
    "truncated graph": lambda folder: truncate(folder / "saved_model.pb"),
    "no variables": lambda folder: shutil.rmtree(folder / "variables"),
    "truncated index": lambda folder: truncate(folder / "variables/variables.index"),
    "flipped variables": lambda folder: flip(
        next(folder.glob("variables/variables.data*"))
    ),
    "pipe": lambda folder: (
        (folder / "saved_model.pb").unlink(),
        os.mkfifo(folder / "saved_model.pb"),
    ),
    "bad warm-up": lambda folder: warm_up_file(folder).write_bytes(
        b"these are no records"
    ),
}


def test_a_new_version_takes_over_and_the_old_one_ends(loader, folder, times):
    old = loader.registry.get("times")
    publish(times[2], folder / "2")
    poll_twice(loader)
    assert available(loader) == [2]
    assert answer(loader.registry.get("times")) == 2
    assert status(loader, 1).state == "END"
    assert status(loader, 1).code == "OK"
    assert answer(old) == 1  # for requests that have found it already


def test_a_new_version_is_available_before_the_old_one_ends(
    loader, folder, times, monkeypatch
):
    publish(times[2], folder / "2")
    before = []
    remove = loader.registry.remove

    def watched(name, version):
        before.append(available(loader))
        remove(name, version)

    monkeypatch.setattr(loader.registry, "remove", watched)
    poll_twice(loader)
    assert before == [[2, 1]]


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_version_takes_nothing_down_and_blocks_nothing(
    loader, folder, times, kind
):
    broken = publish(times[2], folder / "2")
    BROKEN[kind](broken)
    poll_twice(loader)
    assert available(loader) == [1]
    found = status(loader, 2)
    assert found.state == "END"
    assert found.code != "OK"
    assert found.message
    assert str(folder) not in found.message
    publish(times[3], folder / "3")
    poll_twice(loader)
    assert available(loader) == [3]
    assert status(loader, 2) == found


@pytest.mark.slow
def test_no_damage_to_a_version_ends_the_process(loader, folder, times):
    random = np.random.default_rng(0)
    files = [path for path in times[2].rglob("*") if path.is_file()]
    for version in range(2, 200):
        broken = publish(times[2], folder / str(version))
        path = broken / files[random.integers(len(files))].relative_to(times[2])
        content = np.frombuffer(path.read_bytes(), "uint8").copy()
        for at in random.integers(len(content), size=random.choice([1, 3, 20])):
            content[at] ^= 1 << random.integers(8)
        path.write_bytes(content[: random.choice([len(content), at])].tobytes())
        loader.poll(at_once=True)
        assert available(loader)
        shutil.rmtree(broken)


def test_after_a_restart_the_highest_version_that_can_be_loaded_serves(folder, times):
    BROKEN["no variables"](publish(times[2], folder / "2"))
    loader = ModelLoader(ServableRegistry(), ModelFolders(folder.parent))
    loader.poll(at_once=True)
    assert available(loader) == [1]
    assert status(loader, 2).state == "END"


def test_a_version_is_not_loaded_while_its_files_are_being_copied(
    loader, folder, times
):
    for file in ("saved_model.pb", "variables/variables.index"):
        target = folder / "2" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(times[2] / file, target)
        loader.poll()
        assert list(loader.registry.statuses("times")) == [1]
    shutil.copytree(times[2], folder / "2", dirs_exist_ok=True)
    poll_twice(loader)
    assert available(loader) == [2]


def test_a_broken_version_is_tried_again_only_when_its_files_change(
    loader, folder, times
):
    BROKEN["no variables"](publish(times[2], folder / "2"))
    attempts = count_attempts(loader)
    for _ in range(5):
        loader.poll()
    assert attempts == [2]
    shutil.copytree(times[2], folder / "2", dirs_exist_ok=True)
    poll_twice(loader)
    assert attempts == [2, 2]
    assert available(loader) == [2]


def count_attempts(loader):
    attempts = []
    load = loader._load

    def counted(name, version, folder):
        attempts.append(version)
        return load(name, version, folder)

    loader._load = counted
    return attempts


def test_a_broken_version_is_tried_again_a_few_times(folder, times):
    BROKEN["no variables"](publish(times[2], folder / "2"))
    loader = ModelLoader(
        ServableRegistry(),
        ModelFolders(folder.parent),
        max_num_load_retries=2,
        load_retry_interval_seconds=0,
    )
    attempts = count_attempts(loader)
    for _ in range(6):
        loader.poll(at_once=True)
    assert attempts.count(2) == 3


def test_a_removed_broken_version_is_forgotten(loader, folder, times):
    BROKEN["empty"](publish(times[2], folder / "2"))
    poll_twice(loader)
    (folder / "2").rmdir()
    loader.poll()
    assert list(loader.registry.statuses("times")) == [1]


def test_a_removed_version_ends_but_never_the_last_one(loader, folder, times):
    publish(times[2], folder / "2")
    poll_twice(loader)
    shutil.rmtree(folder / "2")
    poll_twice(loader)
    assert available(loader) == [1]
    shutil.rmtree(folder / "1")
    poll_twice(loader)
    assert available(loader) == [1]
    shutil.rmtree(folder)
    poll_twice(loader)
    assert answer(loader.registry.get("times")) == 1


def test_a_model_that_comes_later_is_served(loader, folder, times):
    publish(times[3], folder.parent / "other" / "1")
    poll_twice(loader)
    assert answer(loader.registry.get("other")) == 3


@pytest.mark.parametrize(
    "policy, versions",
    [
        (VersionPolicy(), [10]),
        (VersionPolicy(2), [10, 2]),
        (VersionPolicy(None), [10, 2, 1]),
        (VersionPolicy(None, frozenset({1, 2, 7})), [2, 1]),
    ],
)
def test_the_policy_says_which_versions_serve(folder, times, policy, versions):
    publish(times[2], folder / "2")
    publish(times[3], folder / "10")
    (folder / "not-a-version").mkdir()
    model = ModelConfig("times", folder, policy)
    loader = ModelLoader(ServableRegistry(), Source(model))
    loader.poll(at_once=True)
    assert available(loader) == versions
    assert loader.registry.get("times").version == versions[0]


def test_a_label_moves_when_its_new_version_is_available(folder, times, caplog):
    source = Source(ModelConfig("times", folder, labels={"stable": 1}))
    loader = ModelLoader(ServableRegistry(), source)
    loader.poll(at_once=True)
    source.listed = [ModelConfig("times", folder, labels={"stable": 2, "new": 2})]
    poll_twice(loader)
    assert loader.registry.get("times", label="stable").version == 1
    assert caplog.text.count("Label stable of times waits for version 2") == 1
    publish(times[2], folder / "2")
    poll_twice(loader)
    assert loader.registry.get("times", label="stable").version == 2
    assert loader.registry.get("times", label="new").version == 2


def test_a_model_that_is_no_longer_listed_ends(folder, times):
    source = Source(ModelConfig("times", folder), ModelConfig("other", folder))
    loader = ModelLoader(ServableRegistry(), source)
    loader.poll(at_once=True)
    source.listed.pop()
    loader.poll()
    assert loader.registry.available() == {"times": [1]}
    assert loader.registry.statuses("other")[1].state == "END"


def test_changed_signatures_are_logged_and_served(loader, folder, times, caplog):
    publish(times["renamed"], folder / "2")
    with caplog.at_level(logging.WARNING):
        poll_twice(loader)
    assert available(loader) == [2]
    assert "times version 2 differ from version 1" in caplog.text
    assert "serving_default input x: float [-1] -> none" in caplog.text
    assert "serving_default input number: none -> float [-1]" in caplog.text
    assert "output y" not in caplog.text
