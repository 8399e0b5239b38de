"""The models of one server by name, version and label, and their states."""

import dataclasses
import threading
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping

from keras_resattn_server.models.servable import Servable
from keras_resattn_server.wire.status import ServingError


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """The state of one version of a model, in TensorFlow Serving's terms.

    Args:
        state: `"LOADING"`, `"AVAILABLE"` or `"END"`.
        code: Name of the status code of the error that ended it, `"OK"` if it was
            unloaded.
        message: The error's text.
    """

    state: str
    code: str = "OK"
    message: str = ""


class ServableRegistry:
    """The servables of one server. It is thread-safe.

    Args:
        servables: Versions that are already loaded.
        labels: Version labels per model: `{"clf": {"stable": 1}}`.
    """

    def __init__(
        self,
        servables: Iterable[Servable] = (),
        labels: Mapping[str, Mapping[str, int]] | None = None,
    ):
        self._lock = threading.Lock()
        self._servables: dict[str, dict[int, Servable]] = defaultdict(dict)
        self._statuses: dict[str, dict[int, VersionStatus]] = defaultdict(dict)
        self._labels = {name: dict(marks) for name, marks in (labels or {}).items()}
        for servable in servables:
            self.add(servable)

    def add(self, servable: Servable) -> None:
        """Make a loaded version available."""
        name, version = servable.name, servable.version
        with self._lock:
            self._servables[name][version] = servable
            self._statuses[name][version] = VersionStatus("AVAILABLE")

    def remove(self, name: str, version: int) -> None:
        """Remove a version. Requests that already found it are still answered."""
        with self._lock:
            self._servables[name].pop(version)
            self._statuses[name][version] = VersionStatus("END")

    def set_status(self, name: str, version: int, status: VersionStatus) -> None:
        """Set the state of a version that is not available."""
        with self._lock:
            self._statuses[name][version] = status

    def forget(self, name: str, version: int) -> None:
        """Drop the state of a version that is not available."""
        with self._lock:
            self._statuses[name].pop(version, None)

    def set_labels(self, name: str, labels: Mapping[str, int]) -> None:
        """Replace a model's labels."""
        with self._lock:
            self._labels[name] = dict(labels)

    def labels(self, name: str) -> dict[str, int]:
        """Return a model's version labels."""
        with self._lock:
            return dict(self._labels.get(name, {}))

    def names(self) -> list[str]:
        """Return the names of all models, also of those that failed to load."""
        with self._lock:
            return sorted(name for name, found in self._statuses.items() if found)

    def available(self) -> dict[str, list[int]]:
        """Return the served versions by model name, the highest first."""
        with self._lock:
            return {
                name: sorted(versions, reverse=True)
                for name, versions in self._servables.items()
                if versions
            }

    def get(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> Servable:
        """Return the servable that a request asks for.

        Args:
            name: The model's name.
            version: Its version. None is the highest that is served.
            label: The label of a version, instead of `version`.

        Returns:
            The servable.

        Raises:
            ServingError: INVALID_ARGUMENT for an empty name or an unknown label,
                otherwise NOT_FOUND.
        """
        if not name:
            raise ServingError("ModelSpec has no name specified.")
        if label is not None:
            version = self.labels(name).get(label)
            if version is None:
                raise ServingError(f"Unrecognized servable version label: {label}")
        with self._lock:
            versions = self._servables.get(name, {})
            number = max(versions, default=None) if version is None else version
            if number in versions:
                return versions[number]
        latest = version is None
        wanted = f"Latest({name})" if latest else f"Specific({name}, {version})"
        raise ServingError(f"Servable not found for request: {wanted}", "NOT_FOUND")

    def statuses(
        self, name: str, version: int | None = None
    ) -> dict[int, VersionStatus]:
        """Return the states of the versions of a model, the highest first.

        Args:
            name: The model's name.
            version: Its version. None is all.

        Raises:
            ServingError: NOT_FOUND if the model has no such version.
        """
        with self._lock:
            found = {
                number: status
                for number, status in self._statuses.get(name, {}).items()
                if version in (None, number)
            }
        if not found:
            wanted = "any versions" if version is None else f"version {version}"
            raise ServingError(f"Could not find {wanted} of model {name}", "NOT_FOUND")
        return dict(sorted(found.items(), reverse=True))
