"""Serve exported models by replicas on a Ray cluster (extra `ray`)."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

from keras_resattn.layers.arguments import positive_integer
from keras_resattn.on_ray.cluster import connect
from keras_resattn.typing import StrPath
from keras_resattn_client.extras import require_extra

MODULES = ("ray", "fastapi", "watchfiles", "tensorflow_serving", "grpc", "starlette")
# Ray adds replicas above this number of requests per replica.
TARGET_REQUESTS = 4
MAX_REQUESTS = 16


def serve_on_ray(
    base: StrPath,
    host: str = "127.0.0.1",
    rest_port: int = 8501,
    grpc_port: int = 8500,
    min_replicas: int = 1,
    max_replicas: int = 4,
    replica_cpus: float = 1,
    announce: Callable[..., object] = print,
) -> None:
    """Serve exported models by replicas on a Ray cluster, until Ctrl-C or SIGTERM.

    The replicas give the same answers as `keras_resattn_server.serve`. Every machine of
    the cluster serves REST and gRPC. Ray starts and stops replicas with the number of
    requests. Each replica loads new versions of the models by itself.

    The cluster is the one at the environment variable `RAY_ADDRESS`. Without it, Ray
    starts a cluster on this machine. Call this function from the main thread.

    Example:

    >>> serve_on_ray("served", min_replicas=2, max_replicas=8)
    Serving REST at http://127.0.0.1:8501, gRPC at port 8500

    Args:
        base: A folder with `NAME/<integer>/saved_model.pb`, on a file system that all
            machines of the cluster share.
        host: String, the address to bind REST to. Ray binds gRPC to all addresses.
        rest_port: Integer, the REST port.
        grpc_port: Integer, the gRPC port.
        min_replicas: Integer, the smallest number of replicas.
        max_replicas: Integer, the largest number of replicas.
        replica_cpus: Float, the number of processors that Ray reserves per replica.
        announce: Called like `print`, with one line, when the models are served.

    Raises:
        ImportError: If a package of the extra `ray` is missing.
        FileNotFoundError: If there is no model in `base`.
        ValueError: If a port or a number of replicas is out of range.
        RuntimeError: If the replicas cannot load a model.
    """
    require_extra("ray", "Serving on Ray", MODULES)
    _check(base, rest_port, grpc_port, min_replicas, max_replicas)
    ended = threading.Event()
    connect()
    from ray import serve

    signals = (signal.SIGINT, signal.SIGTERM)
    before = {
        number: signal.signal(number, lambda *_: ended.set()) for number in signals
    }
    try:
        _listen(host, rest_port, grpc_port)
        _deploy(base, min_replicas, max_replicas, replica_cpus)
        announce(
            f"Serving REST at http://{host}:{rest_port}, gRPC at port {grpc_port}",
            flush=True,
        )
        ended.wait()
    finally:
        serve.shutdown()
        for number, handler in before.items():
            signal.signal(number, handler)


def _check(base, rest_port, grpc_port, min_replicas, max_replicas):
    from keras_resattn_server.loading.model_config import ModelFolders

    positive_integer("rest_port", rest_port)  # Ray cannot choose a free port
    positive_integer("grpc_port", grpc_port)
    positive_integer("min_replicas", min_replicas)
    if max_replicas < min_replicas:
        raise ValueError(
            "`max_replicas` must not be less than `min_replicas`. Received: "
            f"min_replicas={min_replicas}, max_replicas={max_replicas}"
        )
    ModelFolders(Path(base))  # raises an error if there is no model


def _listen(host, rest_port, grpc_port):
    from ray import serve
    from ray.serve.config import gRPCOptions

    serve.start(
        http_options={"host": host, "port": rest_port},
        grpc_options=gRPCOptions(
            port=grpc_port,
            grpc_servicer_functions=["keras_resattn_client.services.add_services"],
            enable_reflection=False,
        ),
    )


def _deploy(base, min_replicas, max_replicas, replica_cpus):
    """Start the replicas and wait until they serve."""
    from ray import serve
    from ray.serve.config import AutoscalingConfig

    from keras_resattn.on_ray.replica import Replica

    deployment = serve.deployment(
        serve.ingress()(Replica),
        name="Replica",
        max_ongoing_requests=MAX_REQUESTS,
        autoscaling_config=AutoscalingConfig(
            min_replicas=min_replicas,
            max_replicas=max_replicas,
            target_ongoing_requests=TARGET_REQUESTS,
        ),
        ray_actor_options={"num_cpus": replica_cpus},
    )
    serve.run(deployment.bind(str(Path(base).absolute())), name="keras_resattn")
