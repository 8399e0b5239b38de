"""The server at its limits: very large gRPC messages, and many connections."""

import collections
import http.client
import math
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.server_process import rest_body
from benchmarks.server_process import running_server

MIB = 2**20
MESSAGE_CLIENTS = 64
MESSAGE_BYTES = 60 * MIB
LIMITS_MIB = (512, 1024, 2048)
CONNECTIONS = 400
REQUESTS_PER_CONNECTION = 5


def print_messages(options):
    """Print the peak of the server's memory under large messages, for each limit.

    The clients are in a process of their own, and the server is a new one each time.
    """
    print(f"\n{MESSAGE_CLIENTS} clients, one gRPC message of 60 MiB each, at once:\n")
    print("| `--max-request-memory`, MiB | answered | refused ", end="")
    print("| MiB before | MiB at the peak | difference | MiB after | s |")
    print("|---|---|---|---|---|---|---|---|")
    for limit in LIMITS_MIB:
        arguments = ["--max-request-memory", str(limit * MIB)]
        with running_server(options.model, arguments) as server:
            before, started = server.memory(), time.perf_counter()
            command = [sys.executable, "-m", "benchmarks.server_limits"]
            output = subprocess.check_output(
                [*command, server.grpc_address, server.name],
                text=True,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )
            seconds = time.perf_counter() - started
            peak, after = server.memory("VmHWM"), server.memory()
        print(
            f"| {limit} | {output.strip()} | {before:.0f} | {peak:.0f} | "
            f"{peak - before:.0f} | {after:.0f} | {seconds:.0f} |",
            flush=True,
        )


def send_messages(address, name):
    """Print how many messages were answered and refused."""
    import grpc
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

    message = PredictRequest()
    message.model_spec.name = name
    message.model_spec.signature_name = "predict_images"
    # One image of another size: it is resized, so that running it takes little time.
    tensor = message.inputs["images"]
    tensor.dtype = 1
    for size in (1, MESSAGE_BYTES // 4, 1, 1):
        tensor.tensor_shape.dim.add().size = size
    tensor.tensor_content = bytes(MESSAGE_BYTES)
    data = message.SerializeToString()
    options = [
        ("grpc.max_send_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
    ]

    def send(_):
        with grpc.insecure_channel(address, options) as channel:
            method = "/tensorflow.serving.PredictionService/Predict"
            return channel.unary_unary(method).future(data, timeout=600).code().name

    with ThreadPoolExecutor(MESSAGE_CLIENTS) as threads:
        codes = collections.Counter(threads.map(send, range(MESSAGE_CLIENTS)))
    answered, refused = codes.pop("OK", 0), codes.pop("RESOURCE_EXHAUSTED", 0)
    if codes:
        sys.exit(f"Other codes: {codes}")
    print(f"{answered} | {refused}")


def print_connections(options):
    """Print what many clients receive that connect before they all send requests."""
    body = rest_body(options.image, 1)
    with running_server(options.model, []) as server:
        address = server.url.removeprefix("http://")
        barrier = threading.Barrier(CONNECTIONS + 1)

        def ask(_):
            connection = http.client.HTTPConnection(address, timeout=600)
            connection.connect()
            barrier.wait()
            answers = []
            for _ in range(REQUESTS_PER_CONNECTION):
                started = time.perf_counter()
                connection.request("POST", server.path, body)
                answer = connection.getresponse()
                answer.read()
                answers.append((answer.status, time.perf_counter() - started))
            connection.close()
            return answers

        with ThreadPoolExecutor(CONNECTIONS) as threads:
            running = threads.map(ask, range(CONNECTIONS))
            barrier.wait()
            started = time.perf_counter()
            answers = [answer for answers in running for answer in answers]
            total = time.perf_counter() - started
    codes = collections.Counter(status for status, _ in answers)
    seconds = sorted(seconds for status, seconds in answers if status == 200)
    p50, p99 = (seconds[math.ceil(q * len(seconds)) - 1] for q in (0.5, 0.99))
    print(f"\n{CONNECTIONS} connections, {REQUESTS_PER_CONNECTION} requests each:\n")
    print("| answered | refused (429) | other | p50 s | p99 s | images/s |")
    print("|---|---|---|---|---|---|")
    ok, full = codes.pop(200), codes.pop(429, 0)
    figures = f"{p50:.2f} | {p99:.2f} | {ok / total:.0f}"
    print(f"| {ok} | {full} | {sum(codes.values())} | {figures} |", flush=True)


if __name__ == "__main__":
    send_messages(*sys.argv[1:])
