"""The ports of the server, and how many connections they may have."""

import os
import resource
import socket

# Files and sockets besides the connections: models, libraries, gRPC.
_OTHER_FILES = 512


def listen(host: str, port: int) -> socket.socket:
    """Takes the REST port.

    Args:
        host: The address.
        port: The port; 0 takes a free one.

    Returns:
        The socket, which listens.

    Raises:
        OSError: The port is taken or may not be used.
    """
    try:
        listener = _create_server(host, port)
    except (OSError, OverflowError) as error:
        raise port_error(host, port, "--port", error) from error
    # asyncio does it only for sockets that name their protocol. Without it an answer,
    # written in two parts, waits up to 40 ms for the client to acknowledge the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def check_grpc_port(host: str, port: int | None) -> None:
    """Finds out whether gRPC, which takes its port when all is loaded, will get it.

    Args:
        host: The address.
        port: The port; None for no gRPC.

    Raises:
        OSError: The port is taken or may not be used.
    """
    if not port:
        return
    try:
        _create_server(host, port).close()
    except (OSError, OverflowError) as error:
        raise port_error(host, port, "--grpc-port", error) from error


def port_error(host: str, port: int, option: str, error: Exception) -> OSError:
    """Returns the error that says which port cannot be had, and why.

    Args:
        host: The address.
        port: The port.
        option: The command's option that sets it.
        error: What trying to take it raised.
    """
    reason = os.strerror(error.errno) if getattr(error, "errno", None) else error
    return OSError(
        f"Cannot listen there ({reason}); choose another port with {option}."
        f" Received: {host}:{port}"
    )


def url_host(host: str) -> str:
    """Returns an address as it is written in URLs: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def allow_connections(number: int) -> None:
    """Lets the process have so many connections, as far as the system allows it.

    Args:
        number: How many. The usual limit of 1,024 open files is soon reached.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _create_server(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)
