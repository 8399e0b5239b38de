"""The models to serve: in a folder, or listed in a model config file."""

import dataclasses
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from keras_resattn_client.typing import StrPath
from keras_resattn_server.loading.versions import VersionPolicy
from keras_resattn_server.loading.versions import find_versions
from keras_resattn_server.models.servable import SAVED_MODEL

Labels = Mapping[str, Mapping[str, int]]

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """One model to serve.

    Args:
        name: Its name in URLs.
        base_path: Its folder, with one folder per version.
        policy: The versions to serve.
        labels: Labels of versions: `{"stable": 1}`.
    """

    name: str
    base_path: Path
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)


class ModelFolders:
    """The models in a folder, also those that are added later.

    A model that was found once stays, even if its folder is removed.

    Args:
        base: A folder with `NAME/<integer>/saved_model.pb`, or one model's own
            folder with `<integer>/saved_model.pb`.
        labels: Version labels per model: `{"clf": {"stable": 1}}`.

    Raises:
        FileNotFoundError: If there is no model in `base`.
    """

    def __init__(self, base: StrPath, labels: Labels | None = None):
        self._base = Path(base).resolve()
        self._labels = labels or {}
        self._known: dict[str, ModelConfig] = {}
        if not self.models():
            raise FileNotFoundError(
                f"There is no model to serve: expected NAME/<integer>/{SAVED_MODEL} in "
                f"the folder, or <integer>/{SAVED_MODEL} in a single model's folder. "
                f"Export one with `keras-resattn export MODEL {self._base}/NAME/1`. "
                f"Received: {self._base}"
            )

    def __str__(self) -> str:
        return str(self._base)

    def models(self) -> list[ModelConfig]:
        """Look for new models, and return all."""
        for folder in self._folders():
            name = folder.name
            saved = (path / SAVED_MODEL for path in find_versions(folder).values())
            if name not in self._known and any(path.exists() for path in saved):
                labels = self._labels.get(name, {})
                self._known[name] = ModelConfig(name, folder, labels=labels)
        return list(self._known.values())

    def _folders(self) -> list[Path]:
        try:
            return [self._base, *sorted(self._base.iterdir())]
        except OSError:
            return []


class ModelConfigFile:
    """The models listed in a file that is read again when it changes.

    Args:
        path: A text proto with a `model_config_list`, as for TensorFlow Serving.
        poll_wait_seconds: The time between two reads. 0 is never.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a valid config.
    """

    def __init__(self, path: StrPath, poll_wait_seconds: float = 0):
        self._path = Path(path)
        self._wait = poll_wait_seconds
        self._read_at = time.monotonic()
        self._text = self._path.read_text()
        self._models = self._parsed(self._text)

    def __str__(self) -> str:
        return str(self._path)

    def models(self) -> list[ModelConfig]:
        """Read the file again if it is time, and return its last valid models."""
        if self._wait and time.monotonic() - self._read_at >= self._wait:
            self._read_at = time.monotonic()
            try:
                self._read_again()
            except (OSError, ValueError) as error:
                _logger.error("The models stay as they were: %s", error)
        return self._models

    def replace(self, models: list[ModelConfig]) -> None:
        """Serve other models until the file changes."""
        self._models = models

    def _read_again(self) -> None:
        text = self._path.read_text()
        if text == self._text:
            return
        self._text = text  # also if it is invalid: one message is enough
        self._models = self._parsed(text)
        _logger.info("Read %s again", self._path)

    def _parsed(self, text: str) -> list[ModelConfig]:
        try:
            return read_model_configs(text_format.Parse(text, ModelServerConfig()))
        except (text_format.ParseError, ValueError) as error:
            raise ValueError(
                f"Invalid model config file ({error}). See docs/server.md for an "
                f"example. Received: {self._path}"
            ) from error


def read_model_configs(message: ModelServerConfig) -> list[ModelConfig]:
    """Check a model config as TensorFlow Serving does.

    Args:
        message: The config.

    Returns:
        Its models.

    Raises:
        ValueError: If it does not list TensorFlow models in absolute folders.
    """
    if message.WhichOneof("config") != "model_config_list":
        raise ValueError("Only a model_config_list is supported")
    models = {}
    for config in message.model_config_list.config:
        if config.name in models:
            raise ValueError(f"Illegal to list model {config.name} multiple times")
        models[config.name] = _model_config(config)
    return list(models.values())


def _model_config(config: model_server_config_pb2.ModelConfig) -> ModelConfig:
    platform = config.model_platform or (config.model_type == 1 and "tensorflow")
    if not config.name:
        raise ValueError("A model has no name")
    if platform != "tensorflow":
        raise ValueError(
            f'Model {config.name} needs model_platform: "tensorflow"; '
            f"got model_platform={config.model_platform!r}"
        )
    base_path = Path(config.base_path)
    if not base_path.is_absolute():
        raise ValueError(
            f"Expected model {config.name} to have an absolute path; "
            f"got base_path()={config.base_path}"
        )
    labels = dict(config.version_labels)
    return ModelConfig(config.name, base_path, _policy(config), labels)


def _policy(config: model_server_config_pb2.ModelConfig) -> VersionPolicy:
    policy = config.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return VersionPolicy(None)
    if choice == "specific":
        return VersionPolicy(None, frozenset(policy.specific.versions))
    return VersionPolicy(max(policy.latest.num_versions, 1))
