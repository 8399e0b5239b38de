"""The server's ports, and the number of connections to them."""

import socket

from keras_resattn_client.addresses import address_error

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

# Other open files: models, libraries, gRPC.
_OTHER_FILES = 512


def listen(host: str, port: int) -> socket.socket:
    """Listen on the REST port.

    Args:
        host: The address.
        port: The port. 0 takes a free one.

    Returns:
        The listening socket.

    Raises:
        OSError: If the port is taken or not permitted.
    """
    try:
        listener = _create_server(host, port)
    except (OSError, OverflowError) as error:
        raise address_error(host, port, "--port", error) from error
    # asyncio sets it only for sockets that name their protocol. Without it an answer
    # in two parts waits up to 40 ms for the client to acknowledge the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def check_grpc_port(host: str, port: int | None) -> None:
    """Check early that gRPC can listen on its port after the models are loaded.

    Args:
        host: The address.
        port: The port. None is no gRPC.

    Raises:
        OSError: If the port is taken or not permitted.
    """
    if not port:
        return
    try:
        _create_server(host, port).close()
    except (OSError, OverflowError) as error:
        raise address_error(host, port, "--grpc-port", error) from error


def url_host(host: str) -> str:
    """Return an address as in URLs: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def allow_connections(number: int) -> None:
    """Raise the limit of open files for a number of connections.

    Args:
        number: The number of connections. The system may allow fewer. Windows has no
            such limit.
    """
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _create_server(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # "::" means all addresses, those of IPv4 as well, as it does for gRPC.
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(
        (host, port), family=family, backlog=2048, dualstack_ipv6=both
    )
