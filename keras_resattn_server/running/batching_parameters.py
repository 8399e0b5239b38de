"""TensorFlow Serving's batching parameters and their file."""

import dataclasses
import os

from keras_resattn_client.typing import StrPath
from keras_resattn_server.wire import config_files_pb2
from keras_resattn_server.wire.config_files import read_text_proto

_POSITIVE = (
    "max_batch_size",
    "max_enqueued_batches",
    "num_batch_threads",
    "max_execution_batch_size",
)


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """TensorFlow Serving's batching parameters, with its defaults.

    Args:
        max_batch_size: The largest number of rows per batch and per request.
        batch_timeout_micros: How long an unfilled batch waits for more requests, in
            microseconds.
        max_enqueued_batches: The largest number of waiting batches per signature.
        num_batch_threads: The number of threads that run batches. Defaults to one
            per processor.
        thread_pool_name: The name of these threads, also in the metrics.
        allowed_batch_sizes: Batches are padded to the next of these sizes.
        pad_variable_length_inputs: Whether to pad inputs of different shapes to the
            largest, by their first element. Otherwise only inputs of the same shape
            run together.
        enable_large_batch_splitting: Whether to split a request over several batches.
        max_execution_batch_size: The largest number of rows per batch if requests are
            split. Defaults to `max_batch_size`.

    Raises:
        ValueError: If a number is not positive, or sizes do not increase up to the
            largest batch.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = os.cpu_count() or 1
    thread_pool_name: str = "batch_threads"
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 0

    def __post_init__(self) -> None:
        if not (self.enable_large_batch_splitting and self.max_execution_batch_size):
            object.__setattr__(self, "max_execution_batch_size", self.max_batch_size)
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                value = getattr(self, name)
                raise ValueError(f"{name} must be positive. Received: {value}")
        if self.batch_timeout_micros < 0:
            raise ValueError(
                "batch_timeout_micros must not be negative. "
                f"Received: {self.batch_timeout_micros}"
            )
        self._check_allowed_batch_sizes()

    def _check_allowed_batch_sizes(self) -> None:
        sizes, largest = list(self.allowed_batch_sizes), self.max_execution_batch_size
        if sizes != sorted({size for size in sizes if size > 0}):
            raise ValueError(
                "allowed_batch_sizes entries must be positive and monotonically "
                f"increasing. Received: {sizes}"
            )
        if sizes and sizes[-1] != largest:
            raise ValueError(
                "Last entry in allowed_batch_sizes must match max_batch_size; last "
                f"entry was {sizes[-1]}; expected {largest}"
            )

    @classmethod
    def read(cls, path: StrPath) -> "BatchingParameters":
        """Read a `--batching-parameters-file`.

        Args:
            path: A text proto of BatchingParameters.

        Returns:
            The parameters. Those that are not in the file have their defaults.

        Raises:
            FileNotFoundError: If the file does not exist.
            ValueError: If it is not such a text proto, or a value is invalid.
        """
        message = read_text_proto(path, config_files_pb2.BatchingParameters())
        given = {
            field.name: getattr(value, "value", value)
            for field, value in message.ListFields()
        }
        if "allowed_batch_sizes" in given:
            given["allowed_batch_sizes"] = tuple(given["allowed_batch_sizes"])
        try:
            return cls(**given)
        except ValueError as error:
            raise ValueError(f"{error} (in {path})") from error

    def padded(self, rows: int) -> int:
        """Return the number of rows that a batch is padded to.

        Args:
            rows: The number of rows of the requests in it.
        """
        sizes = (size for size in self.allowed_batch_sizes if size >= rows)
        return next(sizes, rows)
