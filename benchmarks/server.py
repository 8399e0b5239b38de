"""Compare the embedded server with calling the SavedModel in the same process.

    python -m benchmarks.server served/demo/1
    python -m benchmarks.server served/demo/1 --parts speeds --requests 50

Each request is a batch of encoded images. All limits of the server are on, as they are
by default. The parts:

* speeds: calls in process, by one or more threads; gRPC and REST (base64 in JSON), by
  one or more clients, without and with batching. A client sends its next request when
  it has an answer,
* memory: the server's memory during many requests,
* messages: the server's memory when 64 clients send gRPC messages of 60 MiB at once, by
  the limit `--max-request-memory`,
* connections: 400 clients over REST at once,
* starts: the time from the start of the server until it is ready.

The clients share the processors with the server. The time to write and read messages is
included, as it is for a user on one machine.
"""

import argparse
import contextlib
import itertools
import json
import math
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.server_limits import print_connections
from benchmarks.server_limits import print_messages
from benchmarks.server_process import GrpcClient
from benchmarks.server_process import RestClient
from benchmarks.server_process import running_server

IMAGE = Path(__file__).parents[1] / "docs" / "ankle_boot.png"
BATCHING = """
max_batch_size {{ value: {rows} }}
batch_timeout_micros {{ value: 2000 }}
max_enqueued_batches {{ value: 1000 }}
"""
MEMORY_CLIENTS = 8


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "model", type=Path, help="BASE/NAME/VERSION, written by `keras-resattn export`"
    )
    parser.add_argument("--image", type=Path, default=IMAGE)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument(
        "--requests", type=int, default=400, help="for each line of the table"
    )
    parser.add_argument("--memory-requests", type=int, default=20_000)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument(
        "--in-process", action="store_true", help="measure only this; print JSON"
    )
    options = parser.parse_args()
    if options.in_process:
        print(json.dumps(measure_in_process(options)))
        return
    for part in options.parts:
        PARTS[part](options)


def print_speeds(options):
    print("| | images per request | clients | p50 ms | p99 ms | images/s |")
    print("|---|---|---|---|---|---|")
    command = [sys.executable, "-m", "benchmarks.server", *sys.argv[1:]]
    output = subprocess.check_output([*command, "--in-process"], text=True)
    for line in json.loads(output.splitlines()[-1]):
        print_line("in process", *line)
    for name, arguments in (("", []), (", batching", batching_arguments(options))):
        with running_server(options.model, arguments) as server:
            for protocol, clients_of in (("gRPC", GrpcClient), ("REST", RestClient)):
                for batch, clients in settings(options):
                    with contextlib.ExitStack() as stack:
                        asks = [
                            stack.enter_context(
                                clients_of(server, options.image, batch)
                            )
                            for _ in range(clients)
                        ]
                        measured = measure(asks, options.requests)
                    print_line(protocol + name, batch, clients, measured)


def settings(options):
    """Return the pairs of images per request and number of clients."""
    return list(itertools.product(options.batch, options.clients))


def print_line(name, batch, clients, measured):
    seconds, total = sorted(measured[0]), measured[1]
    p50, p99 = (seconds[math.ceil(q * len(seconds)) - 1] * 1000 for q in (0.5, 0.99))
    figures = f"{p50:.1f} | {p99:.1f} | {len(seconds) * batch / total:.0f}"
    print(f"| {name} | {batch} | {clients} | {figures} |", flush=True)


def print_memory(options):
    """Print the server's resident memory before and at five times during requests."""
    batch = max(options.batch)
    print(f"\n| requests of {batch} images | server's memory, MiB |")
    print("|---|---|")
    with running_server(options.model, batching_arguments(options)) as server:
        print(f"| none | {server.memory():.0f} |")
        with contextlib.ExitStack() as stack:
            asks = [
                stack.enter_context(clients_of(server, options.image, batch))
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
    print("\n| start to ready, s: median | each start |")
    print("|---|---|")
    each = ", ".join(f"{value:.1f}" for value in seconds)
    print(f"| {sorted(seconds)[len(seconds) // 2]:.1f} | {each} |")


def measure_in_process(options):
    """Return images per request, number of clients and the result of `measure`."""
    import tensorflow as tf

    function = tf.saved_model.load(str(options.model)).signatures["serving_default"]

    def run(batch):
        images = tf.constant([options.image.read_bytes()] * batch)

        def ask():
            for output in function(image_bytes=images).values():
                output.numpy()

        return ask

    return [
        (batch, clients, measure([run(batch)] * clients, options.requests))
        for batch, clients in settings(options)
    ]


def measure(asks, requests):
    """Let all clients send requests at the same time, one after another each.

    Args:
        asks: One function for each client, which sends a request and waits.
        requests: The number of requests, of all clients together.

    Returns:
        A list of the seconds of each request, and the total seconds.
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
    """Return the server's arguments for batches of up to eight requests."""
    file = Path(tempfile.mkdtemp()) / "batching.config"
    file.write_text(BATCHING.format(rows=8 * max(options.batch)))
    return ["--batching-parameters-file", str(file)]


PARTS = {
    "speeds": print_speeds,
    "memory": print_memory,
    "messages": print_messages,
    "connections": print_connections,
    "starts": print_starts,
}


if __name__ == "__main__":
    main()
