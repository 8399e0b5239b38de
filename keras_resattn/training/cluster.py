"""The workers of a multi-worker training, and a meeting of all before it begins."""

import dataclasses
import json
import os
import socket
import time
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

EXAMPLE = (
    'TF_CONFIG=\'{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}\''
)
GO = b"go\n"
PAUSE = 0.2


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a training, as listed in `TF_CONFIG`.

    Attributes:
        addresses: The addresses `host:port`. The first is that of the chief.
        index: The index of this process in `addresses`.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        return self.index == 0


def read_cluster() -> Cluster:
    """Return the `Cluster` from the environment variable `TF_CONFIG`.

    Raises:
        ValueError: If the variable is missing or malformed.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        raise ValueError(
            "Several workers need the environment variable TF_CONFIG. It has the same "
            "cluster on each worker, and the worker's own index. An example for the "
            f"first of two workers: {EXAMPLE}. Received: no TF_CONFIG"
        )
    try:
        return _parse(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ValueError(
            f"TF_CONFIG is malformed: {reason}. An example: {EXAMPLE}. Received: {text}"
        ) from error


def _parse(config: dict[str, Any]) -> Cluster:
    cluster, task = config["cluster"], config["task"]
    unknown = set(cluster) - {"chief", "worker"}
    if unknown:
        raise ValueError(
            f"its cluster has {', '.join(sorted(unknown))}, but only workers and a "
            "chief are supported"
        )
    chiefs, workers = cluster.get("chief", []), cluster.get("worker", [])
    own = {"chief": chiefs, "worker": workers}.get(task["type"], [])
    index = int(task["index"])
    if not 0 <= index < len(own):
        raise ValueError(
            f"its task, {task['type']} {index}, is not in the cluster of "
            f"{len(chiefs)} chief and {len(workers)} workers"
        )
    addresses = (*chiefs, *workers)
    for address in addresses:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"{address!r} is not HOST:PORT")
    if len(set(addresses)) < len(addresses):
        raise ValueError("two of its addresses are the same")
    return Cluster(addresses, index + len(chiefs) * (task["type"] == "worker"))


def wait_for_all(
    cluster: Cluster,
    timeout: float = 300.0,
    report: Callable[[str], object] = print,
) -> None:
    """Wait until every worker of a cluster has called this function.

    TensorFlow waits for a missing worker without a message. It also accepts a
    worker that is left over from before a restart. Therefore the workers first
    connect to the chief's port and send their index. When all are connected, the
    chief answers, and all return.

    Args:
        cluster: A `Cluster`.
        timeout: The seconds after which to give up.
        report: A function that takes a line of text, which names the missing
            workers.

    Raises:
        OSError: If this is the chief and its port is in use.
        TimeoutError: If a worker does not connect in time. The message names it.
    """
    deadline = time.monotonic() + timeout
    if cluster.is_chief:
        _wait_for_workers(cluster, deadline, report)
    else:
        _wait_for_chief(cluster, deadline, report)


def _wait_for_workers(
    cluster: Cluster, deadline: float, report: Callable[[str], object]
) -> None:
    port = int(cluster.addresses[0].rpartition(":")[2])
    connected: dict[int, socket.socket] = {}
    reported: list[int] | None = None
    with _listen(port) as listener:
        while missing := _missing(cluster, connected):
            if missing != reported:
                report(f"Waiting for {_names(cluster, missing)}.")
                reported = missing
            if time.monotonic() > deadline:
                raise TimeoutError(
                    "Some workers did not connect in time. Start the same command on "
                    "each, or find out why it ended there. Received: no connection "
                    f"from {_names(cluster, missing)}"
                )
            _accept(listener, cluster, connected)
        for connection in connected.values():
            connection.sendall(GO)
            connection.close()


def _listen(port: int) -> socket.socket:
    try:
        listener = socket.create_server(("", port))
    except OSError as error:
        raise OSError(
            "The chief's port in TF_CONFIG is in use. End the process that uses it, or "
            f"choose another port. Received: {port} ({error})"
        ) from error
    listener.settimeout(PAUSE)
    return listener


def _accept(
    listener: socket.socket, cluster: Cluster, connected: dict[int, socket.socket]
) -> None:
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        return
    connection.settimeout(2)
    try:
        greeting = connection.makefile("rb").readline(65536)
    except OSError:
        greeting = b""
    for index in range(1, len(cluster.addresses)):
        if greeting == _greeting(cluster, index):
            connected[index] = connection
            return
    connection.close()


def _missing(cluster: Cluster, connected: dict[int, socket.socket]) -> list[int]:
    """Return the workers that are not connected; forget connections that ended."""
    for index, connection in list(connected.items()):
        if _has_ended(connection):
            connected.pop(index).close()
    return [i for i in range(1, len(cluster.addresses)) if i not in connected]


def _has_ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.setblocking(True)


def _wait_for_chief(
    cluster: Cluster, deadline: float, report: Callable[[str], object]
) -> None:
    host, _, port = cluster.addresses[0].rpartition(":")
    report(f"Waiting for {_names(cluster, [0])} and the other workers.")
    while (remaining := deadline - time.monotonic()) > 0:
        try:
            with socket.create_connection(
                (host, int(port)), min(remaining, 5)
            ) as chief:
                chief.settimeout(remaining)
                chief.sendall(_greeting(cluster, cluster.index))
                if chief.makefile("rb").readline(len(GO)) == GO:
                    return
        except OSError:  # not started yet, its name not known yet, or ended
            pass
        time.sleep(PAUSE)
    raise TimeoutError(
        "The chief did not start the training in time. If it runs, it prints which "
        f"workers it waits for. Received: no answer from {_names(cluster, [0])}"
    )


def _greeting(cluster: Cluster, index: int) -> bytes:
    return f"keras-resattn worker {index} of {','.join(cluster.addresses)}\n".encode()


def _names(cluster: Cluster, indices: Iterable[int]) -> str:
    return ", ".join(f"worker {i} ({cluster.addresses[i]})" for i in indices)
