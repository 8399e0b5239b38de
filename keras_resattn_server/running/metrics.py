"""Prometheus metrics under TensorFlow Serving's names."""

import re
import time
from contextvars import ContextVar
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client import Counter
from prometheus_client import Gauge
from prometheus_client import Histogram
from prometheus_client import ProcessCollector
from prometheus_client import generate_latest

from keras_resattn_client.typing import StrPath
from keras_resattn_server.wire import config_files_pb2
from keras_resattn_server.wire.config_files import read_text_proto

METRICS_PATH = "/monitoring/prometheus/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SERVING = ":tensorflow:serving:"
_SAVED_MODEL = ":tensorflow:cc:saved_model:"
_BATCHING = _SERVING + "batching_session:"

# The method of the current request, a label of the runtime's latency.
current_api: ContextVar[str] = ContextVar("current_api", default="Predict")

# The name of the runtime. TensorFlow Serving has "TF1" and "TFRT".
_RUNTIME = "TF2"

# TensorFlow's counters do not end in `_total`, its histograms have no `_created`.
_TOTAL = re.compile(r"^((?:# (?:HELP|TYPE) )?:[\w:]+)_total\b")
_CREATED = re.compile(r"^(?:# (?:HELP|TYPE) )?:[\w:]+_created\b")


def _exponential(scale: float, growth: float, count: int) -> list[float]:
    return [scale * growth**index for index in range(count)]


_MICROSECONDS = _exponential(10, 1.8, 33)  # up to about 20 minutes
_QUEUING = _exponential(100, 1.2, 52)  # up to about a second
_ROWS = _exponential(1, 2, 14)


class ServerMetrics:
    """The counters of one server.

    Example:

    >>> metrics = ServerMetrics()
    >>> metrics.request_count.labels("clf", "OK").inc()
    >>> ':tensorflow:serving:request_count{model_name="clf"' in metrics.text()
    True
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.request_count = self._counter(
            _SERVING + "request_count",
            "The total number of requests.",
            "model_name",
            "status",
        )
        self.request_latency = self._histogram(
            _SERVING + "request_latency",
            "Distribution of wall time (in microseconds) for a request.",
            _MICROSECONDS,
            "model_name",
            "API",
            "entrypoint",
        )
        self.runtime_latency = self._histogram(
            _SERVING + "runtime_latency",
            "Distribution of wall time (in microseconds) for the TensorFlow runtime.",
            _MICROSECONDS,
            "model_name",
            "API",
            "runtime",
        )
        self.load_attempt_count = self._counter(
            _SAVED_MODEL + "load_attempt_count",
            "The number of times that loading a SavedModel was tried.",
            "model_path",
            "status",
        )
        self.load_latency = self._counter(
            _SAVED_MODEL + "load_latency",
            "Latency in microseconds of loading SavedModels.",
            "model_path",
        )
        self.requests_in_flight = Gauge(
            "keras_resattn_requests_in_flight",
            "The number of requests that are accepted and not answered yet.",
            registry=self.registry,
        )
        self._add_batching()
        ProcessCollector(registry=self.registry)

    def _add_batching(self) -> None:
        self.queuing_latency = self._histogram(
            _BATCHING + "queuing_latency",
            "Distribution of wall time spent (in microseconds) in queuing.",
            _QUEUING,
            "thread_pool_name",
        )
        self.input_batch_size = self._histogram(
            _BATCHING + "input_batch_size",
            "The batch size distribution on the inputs.",
            _ROWS,
        )
        self.processed_batch_size = self._histogram(
            _BATCHING + "processed_batch_size",
            "The batch size distribution on processing.",
            _ROWS,
        )
        self.padding_size = self._histogram(
            _BATCHING + "padding_size",
            "The padding size distribution on batches.",
            _ROWS,
            "execution_batch_size",
        )
        self.wrapped_run_count = self._counter(
            _BATCHING + "wrapped_run_count", "Total count of batches that were run."
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: list[float], *labels: str
    ) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    def record_request(
        self, name: str, api: str, entrypoint: str, status: str, started: float
    ) -> None:
        """Count an answered request.

        Args:
            name: The model's name.
            api: The method: `"Predict"`, `"Classify"` or `"Regress"`.
            entrypoint: `"GRPC"` or `"REST"`.
            status: Name of the status code.
            started: Its start, by `time.perf_counter()`.
        """
        self.request_count.labels(name, status).inc()
        latency = self.request_latency.labels(name, api, entrypoint)
        latency.observe(_microseconds_since(started))

    def record_runtime(self, name: str, started: float) -> None:
        """Count a run of a signature.

        Args:
            name: The model's name.
            started: Its start, by `time.perf_counter()`.
        """
        latency = self.runtime_latency.labels(name, current_api.get(), _RUNTIME)
        latency.observe(_microseconds_since(started))

    def record_load(self, folder: Path, succeeded: bool, started: float) -> None:
        """Count an attempt to load a version.

        Args:
            folder: The version's folder.
            succeeded: Whether it was loaded.
            started: The start of loading, by `time.perf_counter()`.
        """
        status = "success" if succeeded else "fail"
        self.load_attempt_count.labels(str(folder), status).inc()
        self.load_latency.labels(str(folder)).inc(_microseconds_since(started))

    def text(self) -> str:
        """Return all metrics in Prometheus' text format."""
        lines = generate_latest(self.registry).decode().splitlines(keepends=True)
        kept = (line for line in lines if not _CREATED.match(line))
        return "".join(_TOTAL.sub(r"\1", line) for line in kept)


def _microseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1e6


def read_metrics_path(path: StrPath) -> str | None:
    """Read a `--monitoring-config-file`.

    Args:
        path: A text proto of MonitoringConfig.

    Returns:
        The URL path of the metrics, or None if the file does not enable them.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not such a text proto, or its path is not absolute.
    """
    message = read_text_proto(path, config_files_pb2.MonitoringConfig())
    config = message.prometheus_config
    if not config.enable:
        return None
    if not (config.path or METRICS_PATH).startswith("/"):
        raise ValueError(
            "The path of the metrics must start with '/', as in "
            f"'{METRICS_PATH}'. Received: {config.path!r} (in {path})"
        )
    return config.path or METRICS_PATH
