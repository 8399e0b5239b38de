"""What can be set about a server."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from keras_resattn_server.running.admission import MAX_QUEUED_REQUESTS

# 64 MiB hold a batch of 100 photographs as decoded float32 pixels.
MAX_REQUEST_BYTES = 64 * 1024 * 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Settings of a server, named as TensorFlow Serving's flags where it has one.

    Args:
        host: Address to listen on; `"0.0.0.0"` for all of IPv4.
        port: REST port to listen on; 0 takes a free one.
        grpc_port: gRPC port to listen on; 0 takes a free one, None serves no gRPC.
        labels: For each model, its version labels, `{"clf": {"stable": 1}}`, where
            there is no model config file.
        model_config_file: A text proto with a `model_config_list`.
        model_config_file_poll_wait_seconds: How often to read the model config file
            again; 0 for never.
        file_system_poll_wait_seconds: How often to look for new versions; 0 for
            never.
        max_num_load_retries: How often to try a version again that could not be
            loaded and whose files stay the same.
        load_retry_interval_micros: Microseconds between these attempts.
        max_request_bytes: The largest request, over REST and gRPC.
        drain_seconds: Time for the answers to requests under way when the server is
            told to end; what takes longer is cancelled.
        max_queued_requests: How many requests are answered or wait at a time; more
            are refused, by 429 and UNAVAILABLE.
        max_connections: How many REST connections there are at a time; on more, each
            request is refused by 503.
        receive_timeout_seconds: Time for a REST request to arrive, from its first
            byte to its last.
        rest_api_timeout_in_ms: Time to answer a REST request, in milliseconds.
        batching_parameters_file: A text proto of BatchingParameters; None for no
            batching.
        monitoring_config_file: A text proto of MonitoringConfig, which says where
            the metrics are served, if at all; None for the usual place.
        access_log: A file to which each request adds a line; `"-"` for standard
            output, None for no log.
        api_key_file: A file of API keys, one a line; None for none.
        tls_certificate: A certificate in PEM format, for both protocols; None for no
            TLS.
        tls_key: The certificate's key in PEM format.
        drain_delay_seconds: How long to go on serving after the signal to end, while
            `/readyz` and gRPC's health service say already that it ends.
    """

    host: str = "127.0.0.1"
    port: int = 8501
    grpc_port: int | None = 8500
    labels: Mapping[str, Mapping[str, int]] | None = None
    model_config_file: str | Path | None = None
    model_config_file_poll_wait_seconds: float = 0
    file_system_poll_wait_seconds: float = 1
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    max_request_bytes: int = MAX_REQUEST_BYTES
    drain_seconds: int = 30
    max_queued_requests: int = MAX_QUEUED_REQUESTS
    max_connections: int = 4096
    receive_timeout_seconds: float = 60
    rest_api_timeout_in_ms: int = 30_000
    batching_parameters_file: str | Path | None = None
    monitoring_config_file: str | Path | None = None
    access_log: str | Path | None = None
    api_key_file: str | Path | None = None
    tls_certificate: str | Path | None = None
    tls_key: str | Path | None = None
    drain_delay_seconds: float = 0
