"""Exported models on a Ray cluster: replicas behind TensorFlow Serving's interfaces.

    pip install "keras-resattn[ray]"
    keras-resattn export runs/demo served/demo/1
    python -m keras_resattn.on_ray.server served --min-replicas 2 --max-replicas 8

REST is at port 8501 and gRPC at port 8500 of every machine of the cluster, with the
answers of `keras-resattn serve`. Replicas come and go with the requests; all of them
read the models' folder, which all machines have to see, and take up new versions.
"""

import argparse
import os
import signal
import threading
from pathlib import Path

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig
from ray.serve.config import gRPCOptions
from tensorflow_serving.apis import classification_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import regression_pb2

from keras_resattn_server import Inference
from keras_resattn_server import ServableRegistry
from keras_resattn_server import create_app
from keras_resattn_server.loading.loader import ModelLoader
from keras_resattn_server.loading.model_config import ModelFolders
from keras_resattn_server.options import MAX_REQUEST_BYTES
from keras_resattn_server.requests.gate import Gate
from keras_resattn_server.rpc.services import ModelService
from keras_resattn_server.rpc.services import PredictionService

POLL_SECONDS = 1.0


class Abort(Exception):
    """Ends a request whose status was set."""


class Context:
    """What the servicers use of gRPC's context, on that of Ray."""

    def __init__(self, grpc_context):
        self.grpc_context = grpc_context

    async def abort(self, code, details):
        self.grpc_context.set_code(code)
        self.grpc_context.set_details(details)
        raise Abort(details)

    def time_remaining(self):
        """Return `None`: Ray's proxies keep the client's deadline themselves."""


class ServedModels:
    """A replica: the models of a folder, and both interfaces to them.

    Requests of gRPC come as bytes: the proxies know no messages.

    Args:
        base: The folder, with NAME/VERSION/saved_model.pb in it.
    """

    def __init__(self, base):
        self.registry, self.inference = ServableRegistry(), Inference()
        loader = ModelLoader(self.registry, ModelFolders(base))
        loader.poll(at_once=True)
        if not self.registry.available():
            raise ValueError(
                f"No model became available; the log says why. Received: {base}"
            )
        self.gate = Gate(self.registry)
        self.predictions = PredictionService(
            self.registry, self.inference, self.gate, MAX_REQUEST_BYTES
        )
        self.models = ModelService(loader)
        polling = (threading.Event(), POLL_SECONDS)
        threading.Thread(target=loader.poll_until, args=polling, daemon=True).start()

    def __serve_build_asgi_app__(self):
        return create_app(self.registry, self.inference, self.gate)

    async def Predict(self, request, grpc_context):
        request = predict_pb2.PredictRequest.FromString(request)
        return await self.predictions.Predict(request, Context(grpc_context))

    async def Classify(self, request, grpc_context):
        request = classification_pb2.ClassificationRequest.FromString(request)
        return await self.predictions.Classify(request, Context(grpc_context))

    async def Regress(self, request, grpc_context):
        request = regression_pb2.RegressionRequest.FromString(request)
        return await self.predictions.Regress(request, Context(grpc_context))

    async def GetModelMetadata(self, request, grpc_context):
        request = get_model_metadata_pb2.GetModelMetadataRequest.FromString(request)
        return await self.predictions.GetModelMetadata(request, Context(grpc_context))

    async def GetModelStatus(self, request, grpc_context):
        request = get_model_status_pb2.GetModelStatusRequest.FromString(request)
        return await self.models.GetModelStatus(request, Context(grpc_context))


def start(base, host, port, grpc_port, min_replicas, max_replicas, cpus):
    """Start the replicas; return when they serve.

    Args:
        base: The folder with the models.
        host: The address to bind REST to; Ray binds gRPC to every one.
        port: The REST port.
        grpc_port: The gRPC port.
        min_replicas: How many replicas there are at least.
        max_replicas: How many there are at most.
        cpus: How many processors a replica takes.
    """
    serve.start(
        http_options={"host": host, "port": port},
        grpc_options=gRPCOptions(
            port=grpc_port,
            grpc_servicer_functions=["keras_resattn_client.services.add_services"],
            enable_reflection=False,
        ),
    )
    deployment = serve.deployment(
        serve.ingress()(ServedModels),
        name="ServedModels",
        max_ongoing_requests=16,
        autoscaling_config=AutoscalingConfig(
            min_replicas=min_replicas,
            max_replicas=max_replicas,
            target_ongoing_requests=4,
        ),
        ray_actor_options={"num_cpus": cpus},
    )
    serve.run(deployment.bind(str(Path(base).absolute())), name="keras_resattn")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", help="the folder with NAME/VERSION/saved_model.pb")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 is every address")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--grpc-port", type=int, default=8500)
    parser.add_argument("--min-replicas", type=int, default=1)
    parser.add_argument("--max-replicas", type=int, default=4)
    parser.add_argument("--cpus", type=float, default=1, help="processors a replica")
    parser.add_argument("--address", help="of a Ray cluster; by default a new one")
    options = vars(parser.parse_args())
    ended = threading.Event()
    ray.init(address=options.pop("address"), include_dashboard=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    start(**options)
    host, port, grpc_port = (options[name] for name in ("host", "port", "grpc_port"))
    print(f"Serving REST at http://{host}:{port}, gRPC at port {grpc_port}", flush=True)
    ended.wait()
    serve.shutdown()


if __name__ == "__main__":
    main()
