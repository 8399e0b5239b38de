"""The settings of a server."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

from keras_resattn_client.typing import StrPath
from keras_resattn_server.running.limits import COPIES
from keras_resattn_server.running.limits import MAX_QUEUED_REQUESTS
from keras_resattn_server.running.limits import MAX_REQUEST_MEMORY

# 64 MiB hold a batch of 100 photographs as decoded float32 pixels.
MAX_REQUEST_BYTES = 64 * 1024 * 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Settings of a server, named like TensorFlow Serving's flags if it has them.

    Args:
        host: The address to listen on. `"0.0.0.0"` is all of IPv4.
        port: The REST port. 0 takes a free one.
        grpc_port: The gRPC port. 0 takes a free one, None is no gRPC.
        labels: Version labels per model if there is no model config file:
            `{"clf": {"stable": 1}}`.
        model_config_file: A text proto with a `model_config_list`.
        model_config_file_poll_wait_seconds: The time between two reads of the model
            config file. 0 is never.
        file_system_poll_wait_seconds: The time between two looks for new versions. 0
            is never.
        max_num_load_retries: The number of retries of a version that failed to load
            and whose files do not change.
        load_retry_interval_micros: Microseconds between these retries.
        max_request_bytes: The largest request, over REST and gRPC.
        max_request_memory: The largest memory of all requests in bytes, over REST and
            gRPC. Each request takes three times its size. Others are refused, with 503
            and RESOURCE_EXHAUSTED.
        drain_seconds: The time to answer accepted requests after the signal to stop.
            Later ones are cancelled.
        max_queued_requests: The largest number of requests that run or wait at a
            time. Others are refused, with 429 and UNAVAILABLE.
        max_connections: The largest number of REST connections at a time. Requests
            on others are refused with 503.
        receive_timeout_seconds: The time for a request to arrive, from its first byte
            to its last, and for the client to read its answer.
        rest_api_timeout_in_ms: The time to answer a REST request, in milliseconds.
        rest_api_enable_cors_support: Whether pages of other origins may read REST
            answers.
        cors_origins: The origins of these pages. `"*"` is any.
        batching_parameters_file: A text proto of BatchingParameters. None is no
            batching.
        monitoring_config_file: A text proto of MonitoringConfig, with the URL path of
            the metrics. None is the default path.
        access_log: A file to which each request adds a line. `"-"` is standard
            output, None is no log.
        api_key_file: A file of API keys, one per line. It is read again on SIGHUP. None
            is no keys.
        tls_certificate: A certificate in PEM format for both protocols. None is no
            TLS.
        tls_key: The certificate's key in PEM format.
        drain_delay_seconds: The time to continue after the signal to stop, while
            `/readyz` and gRPC's health service already report it.

    Raises:
        ValueError: If there is no memory for the largest request.
    """

    host: str = "127.0.0.1"
    port: int = 8501
    grpc_port: int | None = 8500
    labels: Mapping[str, Mapping[str, int]] | None = None
    model_config_file: StrPath | None = None
    model_config_file_poll_wait_seconds: float = 0
    file_system_poll_wait_seconds: float = 1
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    max_request_bytes: int = MAX_REQUEST_BYTES
    max_request_memory: int = MAX_REQUEST_MEMORY
    drain_seconds: int = 30
    max_queued_requests: int = MAX_QUEUED_REQUESTS
    max_connections: int = 4096
    receive_timeout_seconds: float = 60
    rest_api_timeout_in_ms: int = 30_000
    rest_api_enable_cors_support: bool = False
    cors_origins: Sequence[str] = ("*",)
    batching_parameters_file: StrPath | None = None
    monitoring_config_file: StrPath | None = None
    access_log: StrPath | None = None
    api_key_file: StrPath | None = None
    tls_certificate: StrPath | None = None
    tls_key: StrPath | None = None
    drain_delay_seconds: float = 0

    def __post_init__(self) -> None:
        if self.max_request_memory < COPIES * self.max_request_bytes:
            raise ValueError(
                f"`max_request_memory` must be at least {COPIES} times "
                "`max_request_bytes`, for the copies of the largest request. Received: "
                f"max_request_memory={self.max_request_memory}, "
                f"max_request_bytes={self.max_request_bytes}"
            )
