"""Estimate training and serving on many machines: the tables of docs/scaling.md.

    python -m benchmarks.scaling

It needs simpy and measures nothing. Measured values are constants from
benchmarks/results. All other values are named assumptions.
"""

import math
import statistics

from benchmarks.queue_model import Server
from benchmarks.queue_model import closed_queue
from benchmarks.queue_model import open_queue

# ImageNet training of Attention-56.
IMAGES, EPOCHS = 1_281_167, 100
MULTIPLY_ADDS = 6.27e9  # forward, per image of 224 x 224: `keras-resattn tables`
GRADIENT_BYTES = 127e6  # float32
PEAK = 312e12  # FLOP/s of an A100 in bfloat16, according to its maker
SHARE_OF_PEAK = 0.25  # assumed
BATCH = 32  # images per device
DEVICES_PER_HOST = 8
INSIDE, BETWEEN = 200e9, 12.5e9  # bytes/s in a host and between hosts, assumed
LATENCY = 20e-6  # seconds per step of a ring, assumed
OVERLAP = 0.5  # share of the exchange during the gradients' computation, assumed
IMAGES_PER_CORE = 394  # JPEG to 224 x 224: 788 on two, benchmarks/results/training.md
PRICE = 2.0  # per device and hour, assumed

# The embedded server: gRPC, requests of 8 images, benchmarks/results/server.md.
MEASURED = {1: (26.7, 38.7), 8: (108.5, 160.7), 32: (402.3, 535.3)}  # p50, p99 ms
BATCHED_THROUGHPUT = 619 / 8  # requests/s with 32 clients
WAIT, LARGEST = 0.002, 8


def exchange_seconds(devices):
    """Return the time of a ring all-reduce, which its slowest link determines."""
    if devices == 1:
        return 0.0
    bandwidth = INSIDE if devices <= DEVICES_PER_HOST else BETWEEN
    return 2 * (devices - 1) * (GRADIENT_BYTES / devices / bandwidth + LATENCY)


def training(devices):
    """Return step seconds, exchange seconds, images/s, hours and cost."""
    compute = BATCH * 3 * 2 * MULTIPLY_ADDS / (PEAK * SHARE_OF_PEAK)
    exchange = exchange_seconds(devices)
    step = max(compute + (1 - OVERLAP) * exchange, exchange)
    rate = BATCH * devices / step
    hours = IMAGES * EPOCHS / rate / 3600
    return step, exchange, rate, hours, hours * devices * PRICE


def print_training():
    print("| devices | batch | step, ms | exchange, ms | images/s | efficiency "
          "| images/s per host | cores per host | hours | cost |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    alone = training(1)[2]
    for devices in (1, 8, 16, 32, 64, 128, 256):
        step, exchange, rate, hours, cost = training(devices)
        host = rate / math.ceil(devices / DEVICES_PER_HOST)
        print(
            f"| {devices} | {BATCH * devices} | {step * 1e3:.1f} "
            f"| {exchange * 1e3:.1f} | {rate:,.0f} | {rate / alone / devices:.0%} "
            f"| {host:,.0f} | {math.ceil(host / IMAGES_PER_CORE)} | {hours:.1f} "
            f"| {cost:,.0f} |"
        )


def fitted_server():
    """Return a server whose parameters fit the measurements.

    Three measurements determine its three parameters: the median of one client (the
    wait and a batch of one), the throughput of 32 clients (full batches), and the 99th
    percentile of one client (the variation of batches).
    """
    alone = MEASURED[1][0] / 1e3 - WAIT
    full = LARGEST / BATCHED_THROUGHPUT
    image = (full - alone) / (LARGEST - 1)
    p99 = MEASURED[1][1] / 1e3 - WAIT
    spread = math.log(p99 / alone) / statistics.NormalDist().inv_cdf(0.99)
    return Server(max(0.0, alone - image), image, LARGEST, WAIT, spread)


def print_prediction(server):
    print("| clients | p50 ms: measured | simulated | error | p99 ms: measured "
          "| simulated | error |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for clients, measured in MEASURED.items():
        outcome = closed_queue(server, 1, clients, 2000)
        cells = []
        for q, value in zip((0.5, 0.99), measured, strict=True):
            simulated = outcome.quantile(q) * 1e3
            cells += [value, f"{simulated:.1f}", f"{simulated / value - 1:+.0%}"]
        print("|", clients, "|", *(f"{cell} |" for cell in cells))


def replicas_for(server, rate, load=0.7):
    """Return the number of replicas that a rate keeps busy for a share of the time."""
    return math.ceil(rate / (load * server.capacity))


def print_serving(server, requests=20_000):
    print("| requests/s | replicas | mean batch | mean queue per replica | p50 ms "
          "| p99 ms |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    for rate in (10, 100, 1_000, 10_000, 100_000):
        replicas = replicas_for(server, rate)
        # With a balancer that chooses at random, each replica has a queue of its own.
        outcome = open_queue(server, 1, rate / replicas, requests)
        print(
            f"| {rate:,} | {replicas:,} | {outcome.mean_batch:.1f} "
            f"| {outcome.mean_queue:.1f} | {outcome.quantile(0.5) * 1e3:.0f} "
            f"| {outcome.quantile(0.99) * 1e3:.0f} |",
            flush=True,
        )


def main():
    print("Training of Attention-56 on ImageNet, estimated\n")
    print_training()
    server = fitted_server()
    print(f"\nThe server, fitted: {server}, {server.capacity:.0f} requests/s\n")
    print_prediction(server)
    print("\nServing, simulated\n")
    print_serving(server)


if __name__ == "__main__":
    main()
