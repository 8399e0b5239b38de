"""A server in a process of its own, and its clients, for benchmarks."""

import base64
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path


class Server:
    """A running server and its addresses."""

    def __init__(self, process, model):
        self.process, self.name = process, model.parent.name
        self.path = f"/v1/models/{self.name}:predict"
        lines = []
        while "gRPC" not in (line := process.stdout.readline()):
            if not line:
                sys.exit("The server did not start.")
            lines.append(line)
        self.url = re.search(r"http://[^/\s]+", "".join(lines)).group()
        self.grpc_address = line.split()[-1]

    def memory(self, field="VmRSS"):
        """Return the resident memory of the server in MiB; `VmHWM` is its peak."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s*(\d+) kB", text).group(1)) / 1024


@contextlib.contextmanager
def running_server(model, arguments, checkout=None):
    """Run `keras-resattn serve`, of another checkout if given, until it is ready."""
    base = str(model.parent.resolve())
    command = [sys.executable, "-m", "keras_resattn_cli", "serve", base, *arguments]
    process = subprocess.Popen(
        [*command, "--port", "0", "--grpc-port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=checkout,  # Python imports from this folder first
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    try:
        server = Server(process, model)
        wait_until_ready(server)
        yield server
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(server):
    import httpx

    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.url}/readyz").status_code == 200:
                return
        time.sleep(0.01)


def rest_body(image, batch):
    """Return the body of a request with a number of equal images."""
    encoded = {"b64": base64.b64encode(image.read_bytes()).decode()}
    return json.dumps({"instances": [encoded] * batch}).encode()


class RestClient:
    """Send requests over REST. The request is written once, at the beginning."""

    def __init__(self, server, image, batch):
        import httpx

        self.body = rest_body(image, batch)
        self.url = f"{server.url}{server.path}"
        self.client = httpx.Client(timeout=600)

    def __call__(self):
        json.loads(
            self.client.post(self.url, content=self.body).raise_for_status().text
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()


class GrpcClient:
    """Send requests over gRPC. The request is built once, at the beginning."""

    def __init__(self, server, image, batch):
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        self.request = predict_pb2.PredictRequest()
        self.request.model_spec.name = server.name
        images = [image.read_bytes()] * batch
        self.request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(images))
        # A connection for each client; by default all clients share one.
        alone = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.insecure_channel(server.grpc_address, alone)
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)

    def __call__(self):
        self.stub.Predict(self.request, timeout=600)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()
