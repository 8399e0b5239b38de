"""The servables of one server: by name, version and label, and how each is."""

import dataclasses
import threading
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping

from keras_resattn_server.models.servable import Servable
from keras_resattn_server.wire.status import ServingError


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """How one version of a model is, in TensorFlow Serving's terms.

    Args:
        state: `"LOADING"`, `"AVAILABLE"` or `"END"`.
        code: Name of a status code: why it ended, `"OK"` where it was unloaded.
        message: The error's text.
    """

    state: str
    code: str = "OK"
    message: str = ""


class ServableRegistry:
    """The servables of one server. Any thread may ask and change it.

    Args:
        servables: The versions that are loaded already.
        labels: For each model, its version labels: `{"clf": {"stable": 1}}`.
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
        """Makes a loaded version available."""
        name, version = servable.name, servable.version
        with self._lock:
            self._servables[name][version] = servable
            self._statuses[name][version] = VersionStatus("AVAILABLE")

    def remove(self, name: str, version: int) -> None:
        """Ends a version. Requests that have found it already are still answered."""
        with self._lock:
            self._servables[name].pop(version)
            self._statuses[name][version] = VersionStatus("END")

    def set_status(self, name: str, version: int, status: VersionStatus) -> None:
        """Says how a version is that is not available."""
        with self._lock:
            self._statuses[name][version] = status

    def forget(self, name: str, version: int) -> None:
        """Says no more of a version that is not available."""
        with self._lock:
            self._statuses[name].pop(version, None)

    def set_labels(self, name: str, labels: Mapping[str, int]) -> None:
        """Replaces a model's labels."""
        with self._lock:
            self._labels[name] = dict(labels)

    def labels(self, name: str) -> dict[str, int]:
        """Returns a model's version labels."""
        with self._lock:
            return dict(self._labels.get(name, {}))

    def available(self) -> dict[str, list[int]]:
        """Returns the versions that serve, the highest first, by model name."""
        with self._lock:
            return {
                name: sorted(versions, reverse=True)
                for name, versions in self._servables.items()
                if versions
            }

    def get(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> Servable:
        """Finds the servable that a request asks for.

        Args:
            name: The model's name.
            version: Its version; None for the highest that serves.
            label: The label of a version, instead of `version`.

        Returns:
            The servable.

        Raises:
            ServingError: NOT_FOUND, or INVALID_ARGUMENT for an unknown label.
        """
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
        """Returns how the versions of a model are, the highest first.

        Args:
            name: The model's name.
            version: Its version; None for all.

        Raises:
            ServingError: NOT_FOUND.
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
