"""Compare the embedded server with that of an earlier commit, in turns.

    git worktree add /tmp/before COMMIT
    python -m benchmarks.server_before served/cifar10/1 /tmp/before

Both servers run during the whole measurement. One client asks them in turns, some
requests at a time, so that both have the same machine. Printed is the throughput of
each, and the median and the range of the ratio over the rounds; then the time from the
start of each server until it is ready.
"""

import argparse
import contextlib
import statistics
import time
from pathlib import Path

from benchmarks.server import IMAGE
from benchmarks.server import measure
from benchmarks.server_process import GrpcClient
from benchmarks.server_process import RestClient
from benchmarks.server_process import running_server

CLIENTS = {"gRPC": GrpcClient, "REST": RestClient}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "model", type=Path, help="BASE/NAME/VERSION, written by `keras-resattn export`"
    )
    parser.add_argument("before", type=Path, help="a checkout of the earlier commit")
    parser.add_argument("--image", type=Path, default=IMAGE)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument(
        "--requests", type=int, default=40, help="for each server and round"
    )
    parser.add_argument("--starts", type=int, default=3)
    options = parser.parse_args()
    _print_speeds(options)
    _print_starts(options)


def _print_speeds(options):
    print("| | images per request | clients | before, images/s | now | now / before |")
    print("|---|---|---|---|---|---|")
    with (
        running_server(options.model, [], options.before) as before,
        running_server(options.model, []) as now,
    ):
        for protocol in CLIENTS:
            for batch in options.batch:
                for clients in options.clients:
                    speeds = _speeds((before, now), protocol, batch, clients, options)
                    _print_line(protocol, batch, clients, *speeds)


def _print_starts(options):
    print("\n| start to ready, s | before | now |\n|---|---|---|")
    for start in range(1, options.starts + 1):
        seconds = []
        for checkout in (options.before, None):
            started = time.perf_counter()
            with running_server(options.model, [], checkout):
                seconds.append(f"{time.perf_counter() - started:.1f}")
        print(f"| {start} | {' | '.join(seconds)} |", flush=True)


def _speeds(servers, protocol, batch, clients, options):
    """Return the images/s of each server in each round."""
    speeds = ([], [])
    with contextlib.ExitStack() as stack:
        asks = [
            [
                stack.enter_context(CLIENTS[protocol](server, options.image, batch))
                for _ in range(clients)
            ]
            for server in servers
        ]
        for _ in range(options.rounds):
            for ask, found in zip(asks, speeds, strict=True):
                seconds, total = measure(ask, options.requests)
                found.append(len(seconds) * batch / total)
    return speeds


def _print_line(protocol, batch, clients, before, now):
    ratios = sorted(new / old for old, new in zip(before, now, strict=True))
    middle = [f"{statistics.median(speeds):.0f}" for speeds in (before, now)]
    ratio = f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
    print(
        f"| {protocol} | {batch} | {clients} | {' | '.join(middle)} | {ratio} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
