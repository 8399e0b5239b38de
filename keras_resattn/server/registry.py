"""The models of one server: finding them on disk and by name."""

from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path

from keras_resattn.server.servable import SAVED_MODEL
from keras_resattn.server.servable import Servable
from keras_resattn.server.status import ServingError

Labels = Mapping[str, Mapping[str, int]]


class ServableRegistry:
    """The servables of one server, by model name.

    Args:
        servables: The loaded versions, one for each model.
        labels: For each model, its version labels: `{"clf": {"stable": 1}}`.
    """

    def __init__(
        self,
        servables: list[Servable],
        labels: Labels | None = None,
    ):
        self._servables = {servable.name: servable for servable in servables}
        self._labels = labels or {}

    @classmethod
    def load(cls, base: str | Path, labels: Labels | None = None) -> "ServableRegistry":
        """Loads the highest version of every model in a folder.

        Args:
            base: A folder with `NAME/<integer>/saved_model.pb`, or one model's own
                folder with `<integer>/saved_model.pb`.
            labels: For each model, its version labels: `{"clf": {"stable": 1}}`.

        Returns:
            The registry.

        Raises:
            FileNotFoundError: Nothing in `base` can be served.
        """
        found = find_versions(Path(base))
        return cls([Servable(name, path) for name, path in found.items()], labels)

    def __iter__(self) -> Iterator[Servable]:
        return iter(self._servables.values())

    def get(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> Servable:
        """Finds the servable that a request asks for.

        Args:
            name: The model's name.
            version: Its version; None for the one served.
            label: The label of a version, instead of `version`.

        Returns:
            The servable.

        Raises:
            ServingError: NOT_FOUND, or INVALID_ARGUMENT for an unknown label.
        """
        if label is not None:
            version = self._labels.get(name, {}).get(label)
            if version is None:
                raise ServingError(f"Unrecognized servable version label: {label}")
        servable = self._servables.get(name)
        if servable is None or version not in (None, servable.version):
            latest = version is None
            wanted = f"Latest({name})" if latest else f"Specific({name}, {version})"
            raise ServingError(f"Servable not found for request: {wanted}", "NOT_FOUND")
        return servable

    def status(self, name: str, version: int | None = None) -> dict:
        """Returns what `GET /v1/models/NAME` answers.

        Args:
            name: The model's name.
            version: Its version; None for all.

        Raises:
            ServingError: NOT_FOUND.
        """
        servable = self._servables.get(name)
        if servable is None or version not in (None, servable.version):
            wanted = "any versions" if version is None else f"version {version}"
            raise ServingError(f"Could not find {wanted} of model {name}", "NOT_FOUND")
        state = {
            "version": str(servable.version),
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
        return {"model_version_status": [state]}


def find_versions(base: Path) -> dict[str, Path]:
    """Finds the folder of each model's highest version.

    Args:
        base: As for `ServableRegistry.load`.

    Returns:
        The versions' folders by model name.

    Raises:
        FileNotFoundError: There is none.
    """
    base = base.resolve()
    folders = [base, *sorted(base.iterdir())] if base.is_dir() else []
    found = {}
    for folder in folders:
        versions = [
            path.parent
            for path in folder.glob(f"*/{SAVED_MODEL}")
            if path.parent.name.isdecimal() and path.parent.name.isascii()
        ]
        if versions:
            found[folder.name] = max(versions, key=lambda path: int(path.name))
    if not found:
        raise FileNotFoundError(
            f"There is no model to serve: expected NAME/<integer>/{SAVED_MODEL} in"
            f" the folder, or <integer>/{SAVED_MODEL} in one model's own; export one"
            f" with `keras-resattn export MODEL {base}/NAME/1`. Received: {base}"
        )
    return found
