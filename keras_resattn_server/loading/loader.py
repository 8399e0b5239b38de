"""Load the versions that should be served, and unload the others."""

import dataclasses
import gc
import logging
import math
import threading
import time
from pathlib import Path
from typing import Protocol

from keras_resattn_server.loading.model_config import ModelConfig
from keras_resattn_server.loading.version_load import VersionLoad
from keras_resattn_server.loading.versions import Fingerprint
from keras_resattn_server.loading.versions import find_versions
from keras_resattn_server.loading.versions import fingerprint
from keras_resattn_server.models.registry import ServableRegistry
from keras_resattn_server.models.registry import VersionStatus
from keras_resattn_server.models.servable import Servable
from keras_resattn_server.models.servable import signature_changes
from keras_resattn_server.running.metrics import ServerMetrics
from keras_resattn_server.wire.status import from_load_error

_logger = logging.getLogger(__name__)
_LOADING_SECONDS = 1.0


class ModelSource(Protocol):
    """The source of the models to serve."""

    def models(self) -> list[ModelConfig]:
        """Return the models to serve now."""


@dataclasses.dataclass
class _Failure:
    files: Fingerprint
    attempts: int
    retry_at: float


class ModelLoader:
    """Keep a registry up to date with the versions on disk.

    A new version is loaded before an old one is unloaded. If a version fails to load,
    the highest versions that can be loaded are served. The failed one is retried when
    its files change, and otherwise a few times. A version that takes long to load, for
    example because a disk does not answer, does not hold up the others.

    Args:
        registry: The registry to update.
        source: The models to serve.
        max_num_load_retries: The number of retries of a version whose files do not
            change.
        load_retry_interval_seconds: The time between these retries.
        metrics: Counts the attempts. Defaults to new metrics.
        patience_seconds: The time after which other versions do not wait for a version
            that is being loaded.
    """

    def __init__(
        self,
        registry: ServableRegistry,
        source: ModelSource,
        max_num_load_retries: int = 5,
        load_retry_interval_seconds: float = 60,
        metrics: ServerMetrics | None = None,
        patience_seconds: float = 60,
    ):
        self.registry = registry
        self.source = source
        self._max_retries = max_num_load_retries
        self._retry_seconds = load_retry_interval_seconds
        self.metrics = metrics or ServerMetrics()
        self._patience = patience_seconds
        self._loads: dict[tuple[str, int], VersionLoad] = {}
        self._names: set[str] | None = None
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, int], Fingerprint] = {}
        self._failures: dict[tuple[str, int], _Failure] = {}
        self._waiting_labels: set[tuple[str, str, int]] = set()

    def poll(self, at_once: bool = False) -> None:
        """Compare disk and registry once, and return when everything is loaded.

        Args:
            at_once: Whether to load versions that this poll sees first. Otherwise
                their files must be the same as at the last poll, because they may
                still be being copied.
        """
        with self._lock:
            models = self.source.models()
            names = {model.name for model in models}
            self._names = names if self._names is None else self._names & names
            for model in models:
                self._update(model, at_once)
            for name in {name for name, _ in self._loads} - names:
                self._abandon_loads(name, set())
            for name in self.registry.available().keys() - names:
                self._unload(name, keep=set())
                self.registry.set_labels(name, {})

    @property
    def missing(self) -> list[str]:
        """The models of the first poll that the source still has, but are not served.

        Models that are added later are left out, so that one that cannot be loaded
        does not stop the others.
        """
        return sorted((self._names or set()) - self.registry.available().keys())

    @property
    def is_waiting(self) -> bool:
        """Whether a version is still being loaded."""
        return bool(self._loads)

    def poll_until(self, stop: threading.Event, seconds: float) -> None:
        """Poll until an event is set.

        Args:
            stop: The event.
            seconds: The time between two polls. 0 is none. A version that is loaded
                in the meantime is served at once.
        """
        seconds = seconds or math.inf
        due = time.monotonic() + seconds
        while not stop.wait(max(0, min(_LOADING_SECONDS, due - time.monotonic()))):
            # A list, because other threads poll, too.
            is_loaded = any(
                load.is_done_within(0) for load in list(self._loads.values())
            )
            if time.monotonic() < due and not is_loaded:
                continue
            due = time.monotonic() + seconds
            try:
                self.poll(at_once=seconds == math.inf)
            except Exception:
                _logger.exception("Looking for new versions failed")

    def _update(self, model: ModelConfig, at_once: bool) -> None:
        found = find_versions(model.base_path)
        self._forget_removed_failures(model.name, found)
        serving = self._load_wanted(model, found, at_once)
        self._assign_labels(model)
        if serving:  # an empty folder does not unload the last versions
            self._unload(model.name, keep=serving)

    def _load_wanted(
        self, model: ModelConfig, found: dict[int, Path], at_once: bool
    ) -> set[int]:
        """Load the versions that the policy asks for, and return those served."""
        available = self.registry.available().get(model.name, [])
        serving: set[int] = set()
        tried: set[int] = set()
        for version in model.policy.candidates(found):
            if len(serving) == model.policy.limit:
                break
            tried.add(version)
            if version in available or (
                self._may_load(model.name, version, found[version], at_once)
                and self._load(model.name, version, found[version])
            ):
                serving.add(version)
        self._abandon_loads(model.name, tried)
        return serving

    def _abandon_loads(self, name: str, wanted: set[int]) -> None:
        """Forget versions that are still being loaded and no longer wanted."""
        for key in [key for key in self._loads if key[0] == name]:
            if key[1] not in wanted:
                del self._loads[key]
                self.registry.forget(*key)

    def _may_load(self, name: str, version: int, folder: Path, at_once: bool) -> bool:
        key = (name, version)
        if key in self._loads:
            return True
        files = fingerprint(folder)
        settled = at_once or self._seen.get(key) == files
        self._seen[key] = files
        failure = self._failures.get(key)
        if not settled or failure is None or failure.files != files:
            return settled
        due = time.monotonic() >= failure.retry_at
        return due and failure.attempts <= self._max_retries

    def _load(self, name: str, version: int, folder: Path) -> bool:
        key = (name, version)
        load, patience = self._loads.get(key), 0.0
        if load is None:
            self.registry.set_status(name, version, VersionStatus("LOADING"))
            _logger.info("Loading %s version %d", name, version)
            load = self._loads[key] = VersionLoad(name, folder)
            patience = self._patience
        if not load.is_done_within(patience):
            if patience:
                _logger.warning(
                    "%s version %d is still being loaded after %g seconds; the others "
                    "do not wait for it",
                    *(name, version, patience),
                )
            return False
        del self._loads[key]
        try:
            servable = load.result()
            self._log_changes(servable)
        except Exception as error:
            self.metrics.record_load(folder, False, load.started)
            self._record_failure(key, error)
            return False
        self.metrics.record_load(folder, True, load.started)
        self._failures.pop(key, None)
        del self._seen[key]
        self.registry.add(servable)
        _logger.info("Loaded %s version %d", name, version)
        return True

    def _record_failure(self, key: tuple[str, int], error: Exception) -> None:
        last, files = self._failures.get(key), self._seen[key]
        attempts = last.attempts + 1 if last and last.files == files else 1
        retry_at = time.monotonic() + self._retry_seconds
        self._failures[key] = _Failure(files, attempts, retry_at)
        shown = from_load_error(error)
        _logger.error("Loading %s version %d failed: %s", *key, error)
        _logger.debug("Traceback of the failure:", exc_info=error)
        status = VersionStatus("END", shown.code, shown.message)
        self.registry.set_status(*key, status)

    def _log_changes(self, servable: Servable) -> None:
        """Log how a new version's signatures differ, because clients may not know."""
        versions = self.registry.available().get(servable.name)
        if not versions:
            return
        old = self.registry.get(servable.name, versions[0])
        if changes := signature_changes(old, servable):
            _logger.warning(
                "The signatures of %s version %d differ from version %d: %s",
                servable.name,
                servable.version,
                old.version,
                "; ".join(changes),
            )

    def _assign_labels(self, model: ModelConfig) -> None:
        """Move each label to its new version once that is available."""
        available = self.registry.available().get(model.name, [])
        current = self.registry.labels(model.name)
        labels = {}
        for label, version in model.labels.items():
            ready = version in available
            labels[label] = version if ready else current.get(label, version)
            mark = (model.name, label, version)
            if not ready and mark not in self._waiting_labels:
                _logger.warning(
                    "Label %s of %s waits for version %d, which is not available",
                    label,
                    model.name,
                    version,
                )
                self._waiting_labels.add(mark)
            elif ready:
                self._waiting_labels.discard(mark)
        self.registry.set_labels(model.name, labels)

    def _unload(self, name: str, keep: set[int]) -> None:
        versions = set(self.registry.available().get(name, [])) - keep
        for version in sorted(versions):
            self.registry.remove(name, version)
            _logger.info("Unloaded %s version %d", name, version)
        if versions:
            gc.collect()  # A loaded model refers to itself; free its memory now.

    def _forget_removed_failures(self, name: str, found: dict[int, Path]) -> None:
        gone = [key for key in self._seen if key[0] == name and key[1] not in found]
        for key in gone:
            del self._seen[key]
            if self._failures.pop(key, None):
                self.registry.forget(*key)
