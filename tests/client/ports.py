"""Ports of this machine."""

import socket


def free_port():
    """Return a port that no one listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
