"""The processes of a multi-worker training: who they are, and that all are there."""

import dataclasses
import json
import os
import socket
import time

EXAMPLE = (
    'TF_CONFIG=\'{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}\''
)
GO = b"go\n"
PAUSE = 0.2


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a training, as `TF_CONFIG` names them.

    Attributes:
        addresses: A tuple of strings `host:port`; the first is the chief's.
        index: Integer, which of them this process is.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self):
        return self.index == 0


def read_cluster():
    """Return the `Cluster` that the environment variable `TF_CONFIG` describes.

    Raises:
        ValueError: If the variable is absent or malformed.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        raise ValueError(
            "Several workers need the environment variable TF_CONFIG, the same "
            "cluster on each and its own index, for example on the first of two: "
            f"{EXAMPLE}. Received: no TF_CONFIG"
        )
    try:
        return _parse(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ValueError(
            f"TF_CONFIG is malformed: {reason}; an example is {EXAMPLE}. "
            f"Received: {text}"
        ) from error


def _parse(config):
    cluster, task = config["cluster"], config["task"]
    unknown = set(cluster) - {"chief", "worker"}
    if unknown:
        raise ValueError(f"its cluster has {', '.join(sorted(unknown))}, not workers")
    chiefs, workers = cluster.get("chief", []), cluster.get("worker", [])
    own = {"chief": chiefs, "worker": workers}.get(task["type"], [])
    index = int(task["index"])
    if not 0 <= index < len(own):
        raise ValueError(
            f"its task, {task['type']} {index}, is not in its cluster of "
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


def wait_for_all(cluster, timeout=300.0, report=print):
    """Return when every worker of a cluster is waiting here too.

    TensorFlow itself waits for a missing worker in silence, and takes one that
    is left from before a restart for the new one. So before it starts, the
    workers say who they are at the chief's port, and the chief, once it has
    heard all of them, says go.

    Args:
        cluster: A `Cluster`.
        timeout: Float, seconds after which to give up.
        report: A function that is given a line of text: whom we wait for.

    Raises:
        OSError: If this is the chief and its port is taken.
        TimeoutError: If some worker is not there in time; it names which.
    """
    deadline = time.monotonic() + timeout
    if cluster.is_chief:
        _wait_for_workers(cluster, deadline, report)
    else:
        _wait_for_chief(cluster, deadline, report)


def _wait_for_workers(cluster, deadline, report):
    port = int(cluster.addresses[0].rpartition(":")[2])
    there, reported = {}, None
    with _listen(port) as listener:
        while missing := _missing(cluster, there):
            if missing != reported:
                report(f"Waiting for {_names(cluster, missing)}.")
                reported = missing
            if time.monotonic() > deadline:
                raise TimeoutError(
                    "These workers did not come in time; start the same command on "
                    "each, or look why it ended there. Received: no word from "
                    f"{_names(cluster, missing)}"
                )
            _accept(listener, cluster, there)
        for connection in there.values():
            connection.sendall(GO)
            connection.close()


def _listen(port):
    try:
        listener = socket.create_server(("", port))
    except OSError as error:
        raise OSError(
            "The chief's port of TF_CONFIG is taken; end the process that has it, or "
            f"choose another port. Received: {port} ({error})"
        ) from error
    listener.settimeout(PAUSE)
    return listener


def _accept(listener, cluster, there):
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
            there[index] = connection
            return
    connection.close()


def _missing(cluster, there):
    """Return who is not there, and drop the connections that have ended."""
    for index, connection in list(there.items()):
        if _has_ended(connection):
            there.pop(index).close()
    return [i for i in range(1, len(cluster.addresses)) if i not in there]


def _has_ended(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.setblocking(True)


def _wait_for_chief(cluster, deadline, report):
    host, _, port = cluster.addresses[0].rpartition(":")
    report(f"Waiting for {_names(cluster, [0])}, and all others.")
    while (remaining := deadline - time.monotonic()) > 0:
        try:
            with socket.create_connection(
                (host, int(port)), min(remaining, 5)
            ) as chief:
                chief.settimeout(remaining)
                chief.sendall(_greeting(cluster, cluster.index))
                if chief.makefile("rb").readline(len(GO)) == GO:
                    return
        except OSError:  # not there yet, its name unknown yet, or gone
            pass
        time.sleep(PAUSE)
    raise TimeoutError(
        "The chief did not say go in time; it says itself whom it waits for, if it "
        f"runs. Received: no word from {_names(cluster, [0])}"
    )


def _greeting(cluster, index):
    return f"keras-resattn worker {index} of {','.join(cluster.addresses)}\n".encode()


def _names(cluster, indices):
    return ", ".join(f"worker {i} ({cluster.addresses[i]})" for i in indices)
