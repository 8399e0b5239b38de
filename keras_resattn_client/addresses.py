"""Errors of addresses and ports that a server cannot listen on."""

import errno
import os
import socket


def address_error(host: str, port: int, option: str, error: Exception) -> OSError:
    """Return an error with the address, the reason and the remedy.

    Args:
        host: The address.
        port: The port.
        option: The command-line option that sets the port.
        error: The error of the attempt to listen.
    """
    number = getattr(error, "errno", None) or 0
    # On Linux, errors of names have negative numbers that `os.strerror` does not know.
    is_name = number < 0 or isinstance(error, socket.gaierror)
    if is_name or number == errno.EADDRNOTAVAIL:
        text = getattr(error, "strerror", None) or str(error)
        reason = text.partition(" (while")[0]  # what `socket.create_server` adds
        return OSError(
            f"Cannot listen at this address ({reason}). Give an address of this "
            "machine with --host, such as 127.0.0.1, or 0.0.0.0 for all of them. "
            f"Received: {host}:{port}"
        )
    reason = os.strerror(number) if number else error
    return OSError(
        f"Cannot listen on this port ({reason}). Choose another port with {option}. "
        f"Received: {host}:{port}"
    )
