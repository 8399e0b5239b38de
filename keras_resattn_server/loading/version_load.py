"""An attempt to load a version of a model."""

import threading
import time
from concurrent.futures import Future
from pathlib import Path

from keras_resattn_server.loading.integrity import check_files
from keras_resattn_server.loading.warm_up import warm_up
from keras_resattn_server.models.servable import Servable


class VersionLoad:
    """One attempt to load a version, in a thread of its own.

    Args:
        name: The name of the model.
        folder: The folder of the version.
    """

    def __init__(self, name: str, folder: Path):
        self.started = time.perf_counter()
        self._name = name
        self._folder = folder
        self._future: Future[Servable] = Future()
        # Not in a pool: Python would wait for its threads at the end.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def is_done_within(self, seconds: float) -> bool:
        """Wait for the end at most so many seconds; return whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def result(self) -> Servable:
        """Return the servable, or raise the error of the attempt."""
        return self._future.result()

    def _run(self) -> None:
        try:
            check_files(self._folder)
            servable = Servable(self._name, self._folder)
            warm_up(servable, self._folder)
            self._future.set_result(servable)
        except Exception as error:
            self._future.set_exception(error)
