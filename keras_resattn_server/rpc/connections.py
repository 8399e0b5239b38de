"""The connections of the gRPC server. gRPC itself does not offer them to Python."""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from ipaddress import IPv6Address
from ipaddress import ip_address
from urllib.parse import unquote

_OPEN_FILES = "/dev/fd"


def close_connection(peer: str, port: int) -> None:
    """Close the connection of a client, if the system lists open files.

    Args:
        peer: The client as gRPC names it, such as `ipv4:127.0.0.1:40000`.
        port: The port of the server.
    """
    host, _, peer_port = unquote(peer).partition(":")[2].rpartition(":")
    client = _address(host.strip("[]"), int(peer_port))
    for connection in _open_sockets():
        # Others are not connected, or closed in the meantime.
        with contextlib.suppress(OSError):
            is_ours = connection.getsockname()[1] == port
            if is_ours and _address(*connection.getpeername()[:2]) == client:
                connection.shutdown(socket.SHUT_RDWR)


def _open_sockets() -> Iterator[socket.socket]:
    """Yield a copy of each socket of the internet, so that it stays the same one."""
    if not os.path.isdir(_OPEN_FILES):  # Windows
        return
    for number in map(int, os.listdir(_OPEN_FILES)):
        with contextlib.suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            with socket.socket(fileno=os.dup(number)) as connection:
                if connection.family in (socket.AF_INET, socket.AF_INET6):
                    yield connection


def _address(host: str, port: int) -> tuple[object, int]:
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address, port
