"""Speed of the embedded server, compared with the SavedModel in the same process.

    python -m benchmarks.server served/demo/1
    python -m benchmarks.server served/demo/1 --requests 50 --memory-requests 500

Each request is a batch of encoded images. They are sent by threads in the same process,
and over gRPC and REST (base64 in JSON) by clients that each wait for their answer,
without and with batching. After that: the server's memory over many requests, and the
time from its start until it is ready. The clients share the processors with the server,
and their time to write and read messages counts, as for a user with one machine.
"""

import argparse
import base64
import contextlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

IMAGE = Path(__file__).parents[1] / "docs" / "ankle_boot.png"
BATCHING = """
max_batch_size {{ value: {rows} }}
batch_timeout_micros {{ value: 2000 }}
max_enqueued_batches {{ value: 1000 }}
"""
MEMORY_CLIENTS = 8


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="BASE/NAME/VERSION, by `export`")
    parser.add_argument("--image", type=Path, default=IMAGE)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--requests", type=int, default=400, help="per line")
    parser.add_argument("--memory-requests", type=int, default=20_000)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument(
        "--in-process", action="store_true", help="measure only this, print JSON"
    )
    options = parser.parse_args()
    if options.in_process:
        print(json.dumps(measure_in_process(options)))
        return
    print_speeds(options)
    print_memory(options)
    print_starts(options)


def print_speeds(options):
    print(f"| batch of {options.batch} | clients | p50 ms | p99 ms | images/s |")
    print("|---|---|---|---|---|")
    command = [sys.executable, "-m", "benchmarks.server", *sys.argv[1:]]
    output = subprocess.check_output([*command, "--in-process"], text=True)
    for clients, measured in json.loads(output.splitlines()[-1]):
        print_line("in process", clients, measured, options.batch)
    for name, arguments in (("", []), (", batching", batching_arguments(options))):
        with running_server(options.model, arguments) as server:
            for protocol, clients_of in (("gRPC", GrpcClient), ("REST", RestClient)):
                for clients in options.clients:
                    with contextlib.ExitStack() as stack:
                        asks = [
                            stack.enter_context(clients_of(server, options))
                            for _ in range(clients)
                        ]
                        measured = measure(asks, options.requests)
                    print_line(protocol + name, clients, measured, options.batch)


def print_line(name, clients, measured, batch):
    seconds, total = sorted(measured[0]), measured[1]
    p50, p99 = (seconds[math.ceil(q * len(seconds)) - 1] * 1000 for q in (0.5, 0.99))
    speed = len(seconds) * batch / total
    print(f"| {name} | {clients} | {p50:.1f} | {p99:.1f} | {speed:.0f} |", flush=True)


def print_memory(options):
    """Print the server's resident memory at five times."""
    print("\n| requests | server's memory, MiB |")
    print("|---|---|")
    with running_server(options.model, batching_arguments(options)) as server:
        print(f"| none | {server.memory():.0f} |")
        with contextlib.ExitStack() as stack:
            asks = [
                stack.enter_context(clients_of(server, options))
                for clients_of in (GrpcClient, RestClient)
                for _ in range(MEMORY_CLIENTS // 2)
            ]
            for part in range(1, 6):
                measure(asks, options.memory_requests // 5)
                done = options.memory_requests // 5 * part
                print(f"| {done} | {server.memory():.0f} |", flush=True)


def print_starts(options):
    seconds = []
    for _ in range(options.starts):
        started = time.perf_counter()
        with running_server(options.model, []):
            seconds.append(time.perf_counter() - started)
    print("\n| start to ready, s | of each start |")
    print("|---|---|")
    each = ", ".join(f"{value:.1f}" for value in seconds)
    print(f"| {sorted(seconds)[len(seconds) // 2]:.1f} | {each} |")


def measure_in_process(options):
    """Return the seconds of each call and of all, per number of clients."""
    import tensorflow as tf

    function = tf.saved_model.load(str(options.model)).signatures["serving_default"]
    images = tf.constant([options.image.read_bytes()] * options.batch)

    def ask():
        for output in function(image_bytes=images).values():
            output.numpy()

    return [
        (clients, measure([ask] * clients, options.requests))
        for clients in options.clients
    ]


def measure(asks, requests):
    """Let all clients send requests at the same time.

    Returns:
        The seconds of each request, and the seconds of all.
    """
    for ask in asks:  # the first request may trace or connect
        ask()

    def go(ask):
        seconds = []
        for _ in range(math.ceil(requests / len(asks))):
            started = time.perf_counter()
            ask()
            seconds.append(time.perf_counter() - started)
        return seconds

    with ThreadPoolExecutor(len(asks)) as threads:
        started = time.perf_counter()
        seconds = [value for values in threads.map(go, asks) for value in values]
        return seconds, time.perf_counter() - started


def batching_arguments(options):
    """Return options for batches of up to eight requests."""
    file = Path(tempfile.mkdtemp()) / "batching.config"
    file.write_text(BATCHING.format(rows=8 * options.batch))
    return ["--batching-parameters-file", str(file)]


class Server:
    """A running server and its addresses."""

    def __init__(self, process, model):
        self.process, self.name = process, model.parent.name
        lines = []
        while "gRPC" not in (line := process.stdout.readline()):
            if not line:
                sys.exit("The server did not start.")
            lines.append(line)
        self.url = re.search(r"http://[^/\s]+", "".join(lines)).group()
        self.grpc_address = line.split()[-1]

    def memory(self):
        """Return the resident memory in MiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s*(\d+) kB", text).group(1)) / 1024


@contextlib.contextmanager
def running_server(model, arguments):
    """Start `keras-resattn serve` and wait until it is ready."""
    base = str(model.parent)
    command = [sys.executable, "-m", "keras_resattn_cli", "serve", base, *arguments]
    process = subprocess.Popen(
        [*command, "--port", "0", "--grpc-port", "0"],
        stdout=subprocess.PIPE,
        text=True,
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


class RestClient:
    """A client over REST. Its body is written once."""

    def __init__(self, server, options):
        import httpx

        image = {"b64": base64.b64encode(options.image.read_bytes()).decode()}
        self.body = json.dumps({"instances": [image] * options.batch}).encode()
        self.url = f"{server.url}/v1/models/{server.name}:predict"
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
    """A client over gRPC. Its message is made once."""

    def __init__(self, server, options):
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        self.request = predict_pb2.PredictRequest()
        self.request.model_spec.name = server.name
        images = [options.image.read_bytes()] * options.batch
        self.request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(images))
        # One connection per client; otherwise all share one.
        alone = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.insecure_channel(server.grpc_address, alone)
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)

    def __call__(self):
        self.stub.Predict(self.request, timeout=600)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()


if __name__ == "__main__":
    main()
